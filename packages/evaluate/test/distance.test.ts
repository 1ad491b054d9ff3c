import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { createReferenceBackend } from "@secateur/backend-reference";
import type { Document } from "@secateur/kit";
import { compareSequences, type Engine } from "@secateur/runner";
import { encodePair, type Tokenizer } from "@secateur/text";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compareModels, type DistanceResult, type EvaluateOptions, evaluate } from "../src/index.ts";
import { demoTokenizer, documents, failureOf, openEngine, tinyEngine } from "./support.ts";

const backend = createReferenceBackend();
const tokenizer = demoTokenizer();
let engine: Engine;
let other: Engine;
beforeAll(async () => {
  engine = await tinyEngine(backend);
  other = await tinyEngine(backend, { num_hidden_layers: 2 });
});
afterAll(() => backend.dispose());

type Content<D> = D extends Document ? Omit<D, "origin"> : never;

async function distance(
  rows: readonly Content<Document>[],
  { against = other, by = tokenizer, ...options }: EvaluateOptions & { against?: Engine; by?: Tokenizer } = {},
): Promise<DistanceResult> {
  return compareModels(engine, against, () => by, documents(rows), options);
}

const TEXT = { kind: "text", text: "The cat sat on the mat. One and one is two, and it rains all the long day." } as const;
const ANSWERS = [
  { kind: "answer", prompt: "The cat", answer: " sat on the mat." },
  { kind: "answer", prompt: "One and one is", answer: " two" },
] as const;
const IDS = [
  { kind: "ids", ids: [5, 8, 13, 21] },
  { kind: "ids", ids: [34, 55, 89] },
] as const;

describe("the distance to another model", () => {
  it("is none to itself, at every kind of prediction", async () => {
    for (const rows of [[TEXT], ANSWERS, IDS]) {
      const found = await distance(rows, { against: engine });
      expect(found).toMatchObject({ divergence: { value: 0, standardError: 0 }, agreement: { value: 1, standardError: 0 } });
      expect(found.predictedTokens).toBeGreaterThan(3);
    }
  });

  it("is the mean over a text's predictions, as many as its perplexity has", async () => {
    const found = await distance([TEXT], { seqLen: 8 });
    const plain = await evaluate(engine, () => tokenizer, documents([TEXT]), { seqLen: 8 });
    expect(found).toMatchObject({
      predictedTokens: plain.metric === "perplexity" && plain.predictedTokens,
      documents: found.losses.length,
    });
    const ids = tokenizer.encode(TEXT.text);
    const windows = Array.from({ length: Math.floor(ids.length / 8) }, (_, i) => ids.slice(8 * i, 8 * i + 8));
    const all = await compareSequences(engine, other, windows);
    const divergences = all.flatMap(({ divergence }) => [...divergence.subarray(0, 7)]);
    const agrees = all.flatMap((one) => [...one.agrees.subarray(0, 7)]);
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(found.divergence.value).toBeCloseTo(mean(divergences), 6);
    expect(found.divergence.value).toBeGreaterThan(0);
    expect(found.divergence.standardError).toBeGreaterThan(0);
    expect(found.agreement.value).toBeCloseTo(mean(agrees), 6);
    expect(found.protocol).toMatch(
      /^distance: KL\(other ‖ model\) and the same likeliest token, mean over \d+ predictions; windows of 8 tokens, rows joined/,
    );
  });

  it("is that at the tokens of answers alone, given their prompts", async () => {
    const found = await distance(ANSWERS);
    const pairs = ANSWERS.map(({ prompt, answer }) => encodePair(tokenizer, prompt, answer));
    const all = await compareSequences(
      engine,
      other,
      pairs.map(({ ids }) => ids),
    );
    const sums = pairs.map(({ ids, start }, i) =>
      [...(all[i]?.divergence.subarray(start - 1, ids.length - 1) ?? [])].reduce((sum, one) => sum + one, 0),
    );
    expect(found.predictedTokens).toBe(pairs.reduce((sum, { ids, start }) => sum + ids.length - start, 0));
    for (const [i, { loss }] of found.losses.entries()) expect(loss).toBeCloseTo(sums[i] as number, 5);
    expect(found.protocol).toContain("2 rows, answers given their prompts");
  });

  it("is not measured on choices, or where the two make other tokens of the data", async () => {
    const choices = { kind: "choices", prompt: "The cat", choices: [" sat", " ran"], answer: 0 } as const;
    const message = "the distance to another model is measured on text, token ids or answers, not on choices";
    expect(await failureOf(() => distance([choices]))).toEqual(["usage", message]);
    for (const name of ["tokenizer.json", "tokenizer_config.json"])
      await copyFile(join(import.meta.dirname, "fixtures/demo", name), join(other.model.source, name));
    const against = await openEngine(backend, other.model.source);
    expect((await distance([TEXT], { against })).divergence.value).toBeGreaterThan(0);
    const code = await failureOf(() => distance([TEXT], { against, by: demoTokenizer({ begin: true }) }));
    expect(code).toEqual([
      "data",
      `${engine.model.source} and ${against.model.source} cannot be compared: their tokenizers make other tokens of the data`,
    ]);
    expect((await distance(IDS, { against, by: demoTokenizer({ begin: true }) })).predictedTokens).toBe(5);
  });
});
