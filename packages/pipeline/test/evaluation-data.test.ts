import { join } from "node:path";
import { jsonlLoader } from "@secateur/data-jsonl";
import type { Document } from "@secateur/kit";
import { describe, expect, it } from "vitest";
import { documentsOf } from "../src/data.ts";
import { loadEvaluation } from "../src/evaluation-data.ts";
import { isHeldOut } from "../src/holdout.ts";
import { newFolder, writeFiles } from "./support.ts";

const loaders = [jsonlLoader];
const bounds = { samples: 100, seqLen: 16, maxTokens: 16 };
const PARTED = { prompt: "{q}", answer: "{a}", rows: { calibrate: { from: 20 }, evaluate: { to: 20 } } };

/** A folder with 60 rows of a task, and templates as files. */
async function folderWith(templates: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = await newFolder();
  const texts = Object.fromEntries(Object.entries(templates).map(([name, template]) => [name, JSON.stringify(template)]));
  await writeFiles(folder, { "task.jsonl": Array.from({ length: 60 }, (_, i) => ({ q: `question ${i}`, a: `answer ${i}` })), ...texts });
  return folder;
}

async function calibrated(source: string, template: string): Promise<Document[]> {
  const found: Document[] = [];
  const report = { rows: 0, empty: 0, duplicates: 0 };
  for await (const document of documentsOf([{ source, template }], "calibrate", { loaders, report, take: () => true }))
    found.push(document);
  return found;
}

const linesOf = (documents: readonly Document[]): number[] => documents.map(({ origin }) => origin.line);
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe("a role without data of its own to measure with", () => {
  it("is measured with the rows that its template keeps for that", async () => {
    const folder = await folderWith({ "t.json": PARTED });
    const [source, template] = [join(folder, "task.jsonl"), join(folder, "t.json")];
    const [set] = await loadEvaluation([{ role: "task", sources: [{ source, template }] }], [], bounds, loaders);
    expect(set?.heldOut).toBe(false);
    expect(linesOf(set?.documents ?? [])).toEqual(numbers(1, 21));
    expect(linesOf(await calibrated(source, template))).toEqual(numbers(21, 61));
  });

  it("is measured with a part of the rows that it would be calibrated with where a template keeps none", async () => {
    const folder = await folderWith({ "t.json": { ...PARTED, rows: { calibrate: { from: 20 } } } });
    const [source, template] = [join(folder, "task.jsonl"), join(folder, "t.json")];
    const [set] = await loadEvaluation([{ role: "task", sources: [{ source, template }] }], [], bounds, loaders);
    expect(set?.heldOut).toBe(true);
    const wanted = (await calibrated(source, template)).filter(isHeldOut);
    expect(wanted.length).toBeGreaterThan(0);
    expect(set?.documents).toEqual(wanted);
  });
});

it("data given to measure with is read by its template's rows for that", async () => {
  const folder = await folderWith({ "t.json": PARTED });
  const [source, template] = [join(folder, "task.jsonl"), join(folder, "t.json")];
  const [set] = await loadEvaluation([], [{ name: "other", source, template }], bounds, loaders);
  expect(linesOf(set?.documents ?? [])).toEqual(numbers(1, 21));
});
