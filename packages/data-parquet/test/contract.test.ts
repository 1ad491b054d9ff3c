import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetLoader } from "@secateur/data-parquet";
import { describeLoader } from "@secateur/kit/testing";
import { afterAll, describe, it } from "vitest";
import { bytesOf, fixture } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "data-parquet-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file whose first row group is damaged. */
function damaged(): string {
  const bytes = bytesOf("codec-snappy");
  bytes.fill(0xff, 4, 40);
  writeFileSync(join(folder, "damaged.parquet"), bytes);
  return join(folder, "damaged.parquet");
}

describeLoader({ describe, it }, parquetLoader, {
  sources: [fixture("groups"), fixture("codec-snappy"), fixture("messages"), fixture("ids-32")],
  refused: [fixture("questions"), fixture("binary"), damaged()],
});
