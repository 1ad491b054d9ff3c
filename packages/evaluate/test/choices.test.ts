import { createReferenceBackend } from "@secateur/backend-reference";
import { type Engine, scoreSequences } from "@secateur/runner";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ChoicesResult, type EvaluateOptions, evaluate } from "../src/index.ts";
import { demoTokenizer, documents, failureOf, tinyEngine } from "./support.ts";

const backend = createReferenceBackend();
const tokenizer = demoTokenizer();
let engine: Engine;
beforeAll(async () => {
  engine = await tinyEngine(backend);
});
afterAll(() => backend.dispose());

interface Row {
  readonly prompt: string;
  readonly choices: readonly string[];
  readonly answer: number;
}

async function choices(rows: readonly Row[], options: EvaluateOptions = {}): Promise<ChoicesResult> {
  const given = documents(rows.map((row) => ({ kind: "choices", ...row })));
  const result = await evaluate(engine, () => tokenizer, given, options);
  if (result.metric !== "choices") throw new Error(`the metric is ${result.metric}`);
  return result;
}

const ROW: Row = { prompt: "The cat sat on", choices: [" a mat", " the long and rainy day", " it"], answer: 0 };

describe("choices", () => {
  it("are scored by the sum of their tokens' log-probabilities after the prompt", async () => {
    const prompt = tokenizer.encode(ROW.prompt);
    const sums = [];
    for (const choice of ROW.choices) {
      const [scores] = await scoreSequences(engine, [Int32Array.from([...prompt, ...tokenizer.encode(choice)])]);
      sums.push(-(scores?.loss ?? new Float32Array(0)).subarray(prompt.length - 1).reduce((sum, value) => sum + value, 0));
    }
    const found = await choices([ROW, { ...ROW, choices: [...ROW.choices].reverse() }]);
    expect(found.logLikelihoods).toHaveLength(2);
    for (const [c, sum] of sums.entries()) {
      expect(found.logLikelihoods[0]?.[c]).toBeCloseTo(sum, 4);
      expect(found.logLikelihoods[1]?.[2 - c]).toBeCloseTo(sum, 4);
    }
    expect(found.protocol).toMatch(/^choices: 2 rows, /);
  });

  it("count as right by sum (acc), and by sum per character without the leading space (acc_norm)", async () => {
    const first = await choices([ROW]);
    const sums = first.logLikelihoods[0] as number[];
    const perCharacter = sums.map((sum, c) => sum / ((ROW.choices[c] as string).length - 1));
    const best = (of: readonly number[]): number => of.indexOf(Math.max(...of));
    expect(best(perCharacter)).not.toBe(best(sums)); // else the two could not be told apart
    const found = await choices([0, 1, 2].map((answer) => ({ ...ROW, answer })));
    const standardError = Math.sqrt(2 / 3 / 2 / 3);
    expect(found.acc.value).toBeCloseTo(1 / 3, 12);
    expect(found.acc.standardError).toBeCloseTo(standardError, 12);
    expect((await choices([{ ...ROW, answer: best(sums) }])).acc).toEqual({ value: 1, standardError: 0 });
    expect((await choices([{ ...ROW, answer: best(perCharacter) }])).accNorm.value).toBe(1);
    expect((await choices([{ ...ROW, answer: best(perCharacter) }])).acc.value).toBe(0);
  });

  it("count a character past U+FFFF once", async () => {
    const row: Row = { prompt: "The cat", choices: [" 😊😊😊", " 日本語"], answer: 0 };
    const sums = (await choices([row])).logLikelihoods[0] as number[];
    const right = (sums[0] as number) > (sums[1] as number) ? 0 : 1; // three characters each: the same by character as by sum
    expect((await choices([{ ...row, answer: right }])).accNorm.value).toBe(1);
  });

  const hostile: [string, Row, EvaluateOptions, string][] = [
    [
      "is empty",
      { ...ROW, choices: [" a mat", ""] },
      {},
      'rows.jsonl, line 1: choice 2, "", has no token of its own after the prompt: nothing to predict',
    ],
    [
      "has nothing before it",
      { prompt: "", choices: ["a", "b"], answer: 0 },
      {},
      'rows.jsonl, line 1: choice 1, "a", has no token of its own after the prompt: nothing to predict',
    ],
    [
      "does not fit",
      { ...ROW, choices: [" it", " the".repeat(10)] },
      { seqLen: 8 },
      "rows.jsonl, line 1: prompt and choice 2 have 16 tokens, the window 8",
    ],
  ];
  for (const [name, row, options, message] of hostile) {
    it(`refuses a choice that ${name}`, async () => expect(await failureOf(() => choices([row], options))).toEqual(["data", message]));
  }
});
