import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Document, LoadReport } from "@secateur/kit";
import { expect, onTestFinished, test } from "vitest";
import tsv from "./tsv.ts";

async function load(content: string | Uint8Array, name = "a.tsv"): Promise<{ documents: Document[]; report: LoadReport }> {
  const folder = await mkdtemp(join(tmpdir(), "tsv-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, name), content);
  const report = { rows: 0, empty: 0, duplicates: 0 };
  const documents: Document[] = [];
  for await (const document of tsv.load(join(folder, name), {}, report)) documents.push(document);
  return { documents, report };
}

test("every line is a prompt and its answer; empty ones are counted and give nothing", async () => {
  const lines = "1 + 1 =\t2\n\n1 + 1 =\t2\n";
  for (const file of [await load(lines), await load(gzipSync(lines), "a.tsv.gz")]) {
    expect(file.documents).toMatchObject([1, 3].map((line) => ({ kind: "answer", prompt: "1 + 1 =", answer: "2", origin: { line } })));
    expect(file.report).toEqual({ rows: 3, empty: 1, duplicates: 1 });
  }
});

test("a line of another number of columns is refused with its place", async () => {
  await expect(load("1\t2\n1\t2\t3\n")).rejects.toMatchObject({
    code: "data",
    where: { line: 2 },
    message: expect.stringMatching(/3 columns/),
  });
});
