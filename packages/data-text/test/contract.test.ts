import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { textLoader } from "@secateur/data-text";
import { describeLoader } from "@secateur/kit/testing";
import { afterAll, describe, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "data-text-"));
afterAll(() => rmSync(folder, { recursive: true }));

function written(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

describeLoader({ describe, it }, textLoader, {
  sources: [written("a.txt", "one\ntwo\n\nthree\n\n\none\ntwo\n")],
  refused: [written("bytes.txt", Uint8Array.of(0x61, 0x0a, 0x0a, 0xff))], // no UTF-8
});
