import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { csvLoader } from "@secateur/data-csv";
import { jsonlLoader } from "@secateur/data-jsonl";
import { parquetLoader } from "@secateur/data-parquet";
import { textLoader } from "@secateur/data-text";
import type { Document, LoadReport } from "@secateur/kit";
import { type DataPurpose, type TaskSource, taskDocuments } from "@secateur/tasks";
import { afterAll } from "vitest";

/** A folder of a test file's own; `write` puts a file there: text as it is, rows as JSON Lines, anything else as JSON. */
export function testFolder(): { path(name: string): string; write(name: string, content: unknown): string } {
  const folder = mkdtempSync(join(tmpdir(), "secateur-tasks-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const path = (name: string) => join(folder, name);
  return {
    path,
    write(name, content) {
      mkdirSync(dirname(path(name)), { recursive: true });
      const rows = Array.isArray(content) ? content.map((row) => `${JSON.stringify(row)}\n`).join("") : JSON.stringify(content);
      writeFileSync(path(name), typeof content === "string" ? content : rows);
      return path(name);
    },
  };
}

/** All documents of a source, without their origins, and what was counted. */
export async function read(
  source: TaskSource,
  purpose: DataPurpose = "evaluate",
  keepEmpty = false,
): Promise<{ documents: unknown[]; lines: number[]; report: LoadReport }> {
  const report = { rows: 0, empty: 0, duplicates: 0 };
  const found: Document[] = [];
  const loaders = [textLoader, jsonlLoader, csvLoader, parquetLoader];
  for await (const document of taskDocuments(source, purpose, { loaders, report, keepEmpty })) found.push(document);
  return { documents: found.map(({ origin: _, ...content }) => content), lines: found.map(({ origin }) => origin.line), report };
}
