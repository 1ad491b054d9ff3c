import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { read } from "./support.ts";

const folder = join(resolve(import.meta.dirname, "../../..", process.env.SECATEUR_SHARED ?? "../shared"), "data");
const FILES: readonly [template: string, file: string, rows: number][] = [
  ["gsm8k", "gsm8k/test.jsonl", 1319],
  ["arc", "arc-easy/test.jsonl", 2376],
  ["mmlu", "mmlu/test/anatomy_test.csv", 135],
  ["mmlu", "mmlu/test/high_school_biology_test.csv", 310],
  ["pubmedqa", "pubmedqa/test.jsonl", 500],
  ["mbpp", "mbpp/mbpp.jsonl", 400],
  ["lambada", "lambada/lambada_openai.jsonl", 5153],
  ["spider", "spider/validation-00000-of-00001.parquet", 1034],
];

/** What is compared of a document's answer. */
function counted({ answer, stop = [], counts }: { answer: string; stop?: string[]; counts?: string }): string | undefined {
  const ended = stop.reduce((text, end) => text.split(end)[0] as string, answer);
  const match = counts === undefined ? [ended] : new RegExp(counts).exec(ended);
  return match?.[1] ?? match?.[0];
}

describe("the data sets that the templates are for", () => {
  for (const [template, file, rows] of FILES) {
    const there = existsSync(join(folder, file));
    if (!there) console.warn(`skipped what needs data/${file}, which is not in the shared folder (SECATEUR_SHARED)`);

    test.skipIf(!there)(`${template} reads ${file}`, async () => {
      const { documents, report } = await read({ source: join(folder, file), template });
      expect(documents).toHaveLength(rows);
      expect(report).toMatchObject({ rows, empty: 0 });
      // Every answer has a part that counts, and that is short of nothing.
      for (const document of documents as { kind: string; answer: string }[])
        if (document.kind === "answer") expect(counted(document)?.trim(), JSON.stringify(document)).toMatch(/./s);
    });
  }
});
