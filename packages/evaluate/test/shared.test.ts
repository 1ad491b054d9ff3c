import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createOnnxRuntimeBackend } from "@secateur/backend-onnxruntime";
import { jsonlLoader } from "@secateur/data-jsonl";
import type { Backend } from "@secateur/kit";
import { generateGreedy } from "@secateur/runner";
import { modelTokenizer } from "@secateur/text";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { evaluate } from "../src/index.ts";
import { documents, hasShared, newFolder, openEngine, SHARED } from "./support.ts";

const STORIES = "models/stories260K";
const SAMPLE = "data/tinystories/sample.txt";
const CONVERT = "models/smollm2-135m-instruct/to-safetensors.mjs";
const FIGURES = "goldens/smollm2.json";
const ARC = "data/arc-easy/test.jsonl";

let backend: Backend;
beforeAll(async () => {
  backend = await createOnnxRuntimeBackend({ provider: "cpu", threads: 2 });
});
afterAll(() => backend.dispose());

// The figures are those of the model's SOURCE.md, found there with another implementation.
describe.skipIf(!hasShared(STORIES) || !hasShared(SAMPLE))("stories260K", () => {
  it("has the perplexity that is known of it, on the first and the last 120 stories of a sample", async () => {
    const engine = await openEngine(backend, join(SHARED, STORIES));
    const tokenizer = modelTokenizer(engine.model);
    const stories = readFileSync(join(SHARED, SAMPLE), "utf8").split("<|endoftext|>");
    for (const [part, expected] of [
      [stories.slice(0, 120), "3.98"],
      [stories.slice(-120), "3.70"],
    ] as const) {
      const rows = part.map((story) => ({ kind: "ids", ids: [...tokenizer.beginTokens, ...tokenizer.encode(story.trim())] }) as const);
      const result = await evaluate(engine, () => tokenizer, documents(rows), { seqLen: 256 });
      expect(result.metric === "perplexity" && result.perplexity.toFixed(2)).toBe(expected);
    }
    await engine.release();
  });

  it("writes the 464 characters that are known of it", async () => {
    const engine = await openEngine(backend, join(SHARED, STORIES));
    const tokenizer = modelTokenizer(engine.model);
    const [written] = await generateGreedy(engine, [Int32Array.from(tokenizer.beginTokens)], { maxTokens: 200, endTokens: [1, 2] });
    const text = tokenizer.decode(written?.ids ?? []);
    expect(text).toHaveLength(464);
    expect(text).toMatch(/^Once upon a time, there was a little girl named Lily\. She loved to play outside in the park\./);
    await engine.release();
  });
});

describe.skipIf(![CONVERT, FIGURES, ARC].every(hasShared))("SmolLM2-135M-Instruct", () => {
  it("finds the choices of ARC-easy as likely as the reference does", async () => {
    const folder = join(await newFolder(), "smollm2");
    execFileSync(process.execPath, [join(SHARED, CONVERT), folder]);
    const engine = await openEngine(backend, folder);
    const tokenizer = modelTokenizer(engine.model);
    const rows = jsonlLoader.load(join(SHARED, ARC), {}, { rows: 0, empty: 0, duplicates: 0 });
    const result = await evaluate(engine, () => tokenizer, rows, { samples: 5 });
    const { choices: figures } = JSON.parse(readFileSync(join(SHARED, FIGURES), "utf8")) as { choices: number[][] };
    if (result.metric !== "choices") throw new Error(`the metric is ${result.metric}`);
    expect(result.logLikelihoods).toHaveLength(5);
    for (const [d, sums] of result.logLikelihoods.entries()) {
      // Both compute in F32 on the same BF16 weights, in other orders: sums of some ten tokens, around 20.
      for (const [c, sum] of sums.entries()) expect(Math.abs(sum - (figures[d]?.[c] ?? Number.NaN))).toBeLessThan(1e-2);
    }
    await engine.release();
  });
});
