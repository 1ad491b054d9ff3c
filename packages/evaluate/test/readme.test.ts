import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createReferenceBackend } from "@secateur/backend-reference";
import { jsonlLoader } from "@secateur/data-jsonl";
import { expect, it } from "vitest";
import { evaluate } from "../src/index.ts";
import { demoTokenizer, newFolder, tinyEngine } from "./support.ts";

it("the example of the README runs, and says how it measured", async () => {
  const file = join(await newFolder(), "text.jsonl");
  const row = JSON.stringify({ text: "The cat sat on the mat and looked at the rain. ".repeat(20) });
  await writeFile(file, `${row}\n{"text":""}\n${row}\n`);
  const backend = createReferenceBackend();
  const engine = await tinyEngine(backend);
  const documents = jsonlLoader.load(file, { keepEmpty: true }, { rows: 0, empty: 0, duplicates: 0 });
  const result = await evaluate(engine, () => demoTokenizer(), documents, { seqLen: 64, samples: 2 });
  expect(result.metric === "perplexity" && result.predictedTokens).toBe(126);
  expect(result.protocol).toMatch(
    /^token-ppl@64: rows joined by a blank line, the first 2 of \d+ windows without overlap, T−1 predictions a window$/,
  );
  await engine.release();
  await backend.dispose();
});
