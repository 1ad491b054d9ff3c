import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jsonlLoader } from "@secateur/data-jsonl";
import { describeLoader } from "@secateur/kit/testing";
import { afterAll, describe, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "data-jsonl-"));
afterAll(() => rmSync(folder, { recursive: true }));

function written(name: string, ...rows: readonly unknown[]): string {
  writeFileSync(join(folder, name), rows.map((row) => `${typeof row === "string" ? row : JSON.stringify(row)}\n`).join(""));
  return join(folder, name);
}

describeLoader({ describe, it }, jsonlLoader, {
  sources: [
    written("text.jsonl", { text: "one" }, "", { text: "two" }, { text: "one" }),
    written("answers.jsonl", { prompt: "1+1=", answer: "2" }, { question: "Why?", choices: ["No", "Yes"], answer: 1 }),
    written("others.jsonl", { messages: [{ role: "user", content: "Hello" }] }, { input_ids: [1, 2, 3] }),
  ],
  refused: [written("broken.jsonl", { text: "one" }, "{"), written("columns.jsonl", { body: "one" })],
});
