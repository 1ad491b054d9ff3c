import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { csvLoader } from "@secateur/data-csv";
import type { Document } from "@secateur/kit";
import { expect, test } from "vitest";

const folder = join(resolve(import.meta.dirname, "../../..", process.env.SECATEUR_SHARED ?? "../shared"), "data/mmlu");
const there = existsSync(folder);
if (!there) console.warn(`skipped what needs ${folder}, which is not in the shared folder (SECATEUR_SHARED)`);

test.skipIf(!there)("MMLU's tables have a question, four choices and the place of the right one in every row", async () => {
  const files = ["dev", "test"].flatMap((split) => readdirSync(join(folder, split)).map((name) => join(split, name)));
  expect(files.length).toBeGreaterThan(1);
  const template = "{question}\n{choice0}\n{choice1}\n{choice2}\n{choice3}|||{answer}";
  for (const file of files) {
    const report = { rows: 0, empty: 0, duplicates: 0 };
    const rows: Document[] = [];
    for await (const row of csvLoader.load(join(folder, file), { template }, report)) rows.push(row);
    expect(rows.filter((row) => row.kind === "answer" && /^[0-3]$/.test(row.answer) && row.prompt.split("\n").length >= 5)).toEqual(rows);
    expect(report).toMatchObject({ rows: rows.length, empty: 0 });
    expect(rows.length).toBeGreaterThanOrEqual(file.startsWith("dev") ? 5 : 100);
  }
});
