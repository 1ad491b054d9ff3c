import { createReferenceBackend } from "@secateur/backend-reference";
import type { Document } from "@secateur/kit";
import { type Engine, generateGreedy } from "@secateur/runner";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { countedPart } from "../src/decoded.ts";
import { type AnswersResult, type EvaluateOptions, evaluate } from "../src/index.ts";
import { demoTokenizer, documents, failureOf, tinyEngine } from "./support.ts";

const backend = createReferenceBackend();
const tokenizer = demoTokenizer();
let engine: Engine;
beforeAll(async () => {
  engine = await tinyEngine(backend);
});
afterAll(() => backend.dispose());

type Row = Omit<Extract<Document, { kind: "answer" }>, "kind" | "origin">;

async function answers(rows: readonly Row[], options: EvaluateOptions = {}): Promise<AnswersResult> {
  const given = documents(rows.map((row) => ({ kind: "answer", ...row })));
  const result = await evaluate(engine, () => tokenizer, given, { end: [], ...options });
  if (result.metric !== "answers") throw new Error(`the metric is ${result.metric}`);
  return result;
}

/** What the model writes after a prompt. */
async function written(prompt: string, maxTokens: number): Promise<string> {
  const [answer] = await generateGreedy(engine, [tokenizer.encode(prompt)], { maxTokens, endTokens: [], tokenizer });
  return answer?.text ?? "";
}

describe("an answer that is decoded", () => {
  const prompt = "The cat sat on the";

  it("counts up to a stop string, white space around it aside", async () => {
    const text = await written(prompt, 12);
    const stop = text.slice(6, 9);
    const before = text.slice(0, text.indexOf(stop));
    const share = async (answer: string, stops: readonly string[]) =>
      (await answers([{ prompt, answer, stop: stops }], { maxTokens: 12 })).exactMatch?.value;
    expect(await share(`${before}  \n`, ["never there", stop])).toBe(1);
    expect(await share(`${before}x`, [stop])).toBe(0);
    expect(await share(text, [stop])).toBe(1); // it is cut in the same way
    expect(await share(text, ["never there"])).toBe(1);
  });

  it("counts in the part that a pattern finds, whatever is around it", async () => {
    const text = await written(prompt, 12);
    const letter = /[a-z]/.exec(text)?.[0] as string;
    const first = { prompt, counts: "[a-z]" };
    expect((await answers([{ ...first, answer: `1 ${letter} or another` }], { maxTokens: 12 })).exactMatch?.value).toBe(1);
    expect((await answers([{ ...first, answer: letter === "q" ? "r" : "q" }], { maxTokens: 12 })).exactMatch?.value).toBe(0);
    expect((await answers([{ prompt, answer: "#### 7", counts: "#### (\\d)" }], { maxTokens: 12 })).exactMatch?.value).toBe(0);
  });

  it("stands beside rows that are matched word for word, and says so", async () => {
    const prompts = ["One and one is", "It rains all"];
    const texts = await Promise.all(prompts.map((of) => written(of, 6)));
    const rows = prompts.map((of, i) => ({ prompt: of, answer: texts[i] as string, stop: i === 0 ? ["\n\n\n"] : ["###"] }));
    const plain = { prompt, answer: " mat" };
    const found = await answers([plain, ...rows], { maxTokens: 6 });
    const alone = await answers([plain]);
    expect(found.exactMatch?.value).toBeCloseTo(((alone.exactMatch?.value as number) + 2) / 3, 12);
    expect(found).toMatchObject({ documents: 3, decoded: 2, unended: 2 });
    expect(found.protocol).toMatch(/; 2 of them decoded, up to 6 tokens \(2 cut there\), and compared in the part that counts$/);
    expect(alone).toMatchObject({ decoded: 0, unended: 0 });
    expect(alone.protocol).not.toContain("decoded,");
  });

  it("ends at the model's last position, which is said", async () => {
    const found = await answers([{ prompt, answer: " x", stop: ["###"] }], { maxTokens: 500 });
    expect(found.protocol).toMatch(/; decoded, up to 500 tokens \(1 cut before that at the model's last position\), and compared/);
    expect(found.unended).toBe(1);
  });

  it("measures the loss alone where no token is to be decoded", async () => {
    const rows = [
      { prompt, answer: " x", stop: ["###"] },
      { prompt, answer: " mat", stop: ["###"] },
    ];
    const { exactMatch, protocol, ...found } = await answers(rows, { maxTokens: 0 });
    expect(exactMatch).toBeUndefined();
    expect(protocol).not.toContain("exact match");
    const { exactMatch: _, protocol: __, ...both } = await answers(rows, { maxTokens: 1 });
    expect(found).toEqual({ ...both, decoded: 0, unended: 0 });
    // What is read off the pass itself needs no decoding.
    expect((await answers([{ prompt, answer: " mat" }], { maxTokens: 0 })).exactMatch).toBeDefined();
  });

  it("takes as many tokens as a row says, and as the caller where that says something", async () => {
    const rows = [
      { prompt, answer: " x", stop: ["###"], maxTokens: 2 },
      { prompt, answer: " x", stop: ["###"], maxTokens: 3 },
    ];
    expect((await answers(rows)).protocol).toContain("decoded, up to 2 or 3 tokens (2 cut there)");
    expect((await answers(rows, { maxTokens: 4 })).protocol).toContain("decoded, up to 4 tokens (2 cut there)");
  });

  it("takes 256 tokens when nothing is said, and reports its progress up to the whole", async () => {
    const shares: number[] = [];
    const rows = [1, 2, 3].map((i) => ({ prompt, answer: ` ${i}`, stop: [`${i}#`] }));
    const found = await answers(rows, { onProgress: (share) => shares.push(share) });
    expect(found.protocol).toContain("decoded, up to 256 tokens");
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
  });

  const hostile: [string, Row, EvaluateOptions, string, string][] = [
    [
      "an empty stop string",
      { prompt, answer: " a", stop: [""] },
      {},
      "data",
      "rows.jsonl, line 1: a stop string is empty: every answer would end before it begins",
    ],
    [
      "what is no pattern",
      { prompt, answer: " a", counts: "(" },
      {},
      "data",
      'rows.jsonl, line 1: what counts of an answer is a regular expression, "(" is none: Invalid regular expression: /(/: Unterminated group',
    ],
    [
      "a right answer of which nothing counts",
      { prompt, answer: " forty-two", counts: "\\d+" },
      {},
      "data",
      'rows.jsonl, line 1: nothing counts of the right answer " forty-two": /\\d+/ is not found in it',
    ],
    [
      "a right answer that ends before it begins",
      { prompt, answer: " \n4", stop: ["\n"] },
      {},
      "data",
      'rows.jsonl, line 1: nothing counts of the right answer " \\n4": it is empty before its stop string',
    ],
    [
      "an empty prompt",
      { prompt: "", answer: "a b", stop: ["x"] },
      {},
      "data",
      "rows.jsonl, line 1: the prompt has no token that an answer could follow",
    ],
    [
      "less than no tokens",
      { prompt, answer: " a", stop: ["x"] },
      { maxTokens: -1 },
      "usage",
      "maxTokens is -1, a whole number from 0 on is wanted",
    ],
  ];
  for (const [name, row, options, code, message] of hostile) {
    it(`is not begun with ${name}`, async () => expect(await failureOf(() => answers([row], options))).toEqual([code, message]));
  }
});

describe("what counts of an answer", () => {
  const gsm8k = /#### (-?[0-9.,]+)/; // as lm-evaluation-harness writes it
  it.each<[string, RegExp | undefined, string | undefined]>([
    [" two \n", undefined, "two"],
    ["She has 5.\n#### 1,234", gsm8k, "1234"],
    ["#### 18.", gsm8k, "18"],
    ["#### -3\n#### 4", gsm8k, "-3"],
    ["the answer is 18", gsm8k, undefined],
    ["$1,000,000", undefined, "1000000"],
    ["-$2.50", undefined, "-2.50"],
    ["1.50", undefined, "1.50"],
    ["a, b.", undefined, "a, b."],
    ["B) because", /^[A-D]/, "B"],
    ["x = 3", /(y)|x = (\d)/, "x = 3"],
    ["", undefined, ""],
  ])("%j by %s is %j", (answer, counts, part) => expect(countedPart(answer, counts)).toBe(part));
});
