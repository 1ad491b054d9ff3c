import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { load, readCounted } from "./support.ts";

const folder = join(resolve(import.meta.dirname, "../../..", process.env.SECATEUR_SHARED ?? "../shared"), "data/spider");
const there = existsSync(folder);
if (!there) console.warn(`skipped what needs ${folder}, which is not in the shared folder (SECATEUR_SHARED)`);

test.skipIf(!there)("Spider's tables give a question and its query in every row, and only the columns asked for are read", async () => {
  const template = "{db_id}\n{question}|||{query}";
  const { documents, report } = await load(join(folder, "train-00000-of-00001.parquet"), { template });
  expect(report).toMatchObject({ rows: 7000, empty: 0 });
  expect(documents.filter((row) => row.kind === "answer" && /^\s*\(?\s*select\b/i.test(row.answer))).toHaveLength(7000);

  const bytes = Uint8Array.from(readFileSync(join(folder, "validation-00000-of-00001.parquet")));
  const found = await readCounted(bytes, { template });
  expect(found.rows).toHaveLength(1034);
  // Half of the file is the words of the same texts, in columns of lists.
  expect(found.bytes / bytes.length).toBeLessThan(0.5);
});
