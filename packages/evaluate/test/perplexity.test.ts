import { createReferenceBackend } from "@secateur/backend-reference";
import { type Engine, scoreSequences } from "@secateur/runner";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EvaluateOptions, evaluate, type PerplexityResult } from "../src/index.ts";
import { demoTokenizer, documents, failureOf, tinyEngine } from "./support.ts";

const backend = createReferenceBackend();
let engine: Engine;
beforeAll(async () => {
  engine = await tinyEngine(backend);
});
afterAll(() => backend.dispose());

type Rows = Parameters<typeof documents>[0];

async function perplexity(rows: Rows, options: EvaluateOptions = {}, tokenizer = demoTokenizer()): Promise<PerplexityResult> {
  const result = await evaluate(engine, () => tokenizer, documents(rows), { metric: "perplexity", ...options });
  if (result.metric !== "perplexity") throw new Error(`the metric is ${result.metric}`);
  return result;
}

const texts = (...all: string[]): Rows => all.map((text) => ({ kind: "text", text }));
const idRows = (...all: number[][]): Rows => all.map((ids) => ({ kind: "ids", ids }));

const STORY = "The cat sat on the mat and looked at the rain. It was a long day, and nobody came.";

/** exp of the mean −log p over these windows' tokens but the first. */
async function oracle(windows: readonly Int32Array[]): Promise<number> {
  const losses = (await scoreSequences(engine, windows)).flatMap(({ loss }) => [...loss]);
  return Math.exp(losses.reduce((sum, value) => sum + value, 0) / losses.length);
}

describe("perplexity of text", () => {
  it("is of windows without overlap, the remainder dropped, over all that they predict", async () => {
    const ids = demoTokenizer().encode(`${STORY}\n\n${STORY}`);
    const windows = Math.floor(ids.length / 8);
    const found = await perplexity(texts(STORY, STORY), { seqLen: 8 });
    expect(found).toMatchObject({ windows, windowTokens: 8, predictedTokens: 7 * windows });
    const cut = Array.from({ length: windows }, (_, i) => ids.slice(8 * i, 8 * i + 8));
    expect(found.perplexity).toBeCloseTo(await oracle(cut), 8);
    expect(found.perplexity).toBeCloseTo(Math.exp(found.nll), 8);
    expect(found.protocol).toBe(`token-ppl@8: rows joined by a blank line, ${windows} windows without overlap, T−1 predictions a window`);
  });

  it("is of the first windows where so many are asked for", async () => {
    const ids = demoTokenizer().encode(STORY);
    const found = await perplexity(texts(STORY), { seqLen: 8, samples: 1 });
    expect(found).toMatchObject({ windows: 1, predictedTokens: 7 });
    expect(found.perplexity).toBeCloseTo(await oracle([ids.slice(0, 8)]), 8);
    expect(found.protocol).toContain(`the first 1 of ${Math.floor(ids.length / 8)} windows`);
  });

  it("is of what there is where the text is shorter than a window", async () => {
    const ids = demoTokenizer().encode("The cat sat.");
    const found = await perplexity(texts("The cat sat."));
    expect(found).toMatchObject({ windows: 1, windowTokens: 128, predictedTokens: ids.length - 1 });
    expect(found.perplexity).toBeCloseTo(await oracle([ids]), 8);
  });

  it("begins each window with the tokenizer's begin token, and says so", async () => {
    const ids = demoTokenizer().encode(STORY);
    const windows = Math.floor(ids.length / 7);
    const found = await perplexity(texts(STORY), { seqLen: 8 }, demoTokenizer({ begin: true }));
    expect(found).toMatchObject({ windows, predictedTokens: 7 * windows });
    const cut = Array.from({ length: windows }, (_, i) => Int32Array.of(0, ...ids.subarray(7 * i, 7 * i + 7)));
    expect(found.perplexity).toBeCloseTo(await oracle(cut), 8);
    expect(found.protocol).toContain("without overlap, each after the begin token 0, T−1 predictions a window");
    const none = await perplexity(texts(STORY), { seqLen: 8, begin: [] }, demoTokenizer({ begin: true }));
    expect(none).toEqual(await perplexity(texts(STORY), { seqLen: 8 }));
  });

  it("takes prompts with their answers as text", async () => {
    const rows: Rows = [{ kind: "answer", prompt: "The cat", answer: " sat." }];
    expect((await perplexity(rows)).nll).toBe((await perplexity(texts("The cat sat."))).nll);
  });
});

describe("perplexity of rows of token ids", () => {
  it("takes each as a window, cut to its length, and counts what it leaves out", async () => {
    const found = await perplexity(idRows([5, 6, 7], [8], [9, 10, 11, 12, 13, 14]), { seqLen: 4 });
    expect(found).toMatchObject({ windows: 2, predictedTokens: 2 + 3 });
    expect(found.perplexity).toBeCloseTo(await oracle([Int32Array.of(5, 6, 7), Int32Array.of(9, 10, 11, 12)]), 8);
    expect(found.protocol).toBe(
      "token-ppl@4: rows of token ids, each its own sequence, 1 cut to 4 tokens, 1 of fewer than two left out, 2 windows, T−1 predictions a window",
    );
  });

  it("needs no tokenizer", async () => {
    const none = (): never => {
      throw new Error("there is no tokenizer");
    };
    await expect(evaluate(engine, none, documents(idRows([5, 6, 7])))).resolves.toMatchObject({ metric: "perplexity" });
  });
});

describe("what has no perplexity", () => {
  const id = "token id 2048 was found, the model's vocabulary ends at 2047";
  const hostile: [string, Rows, EvaluateOptions, string, string][] = [
    ["no document", [], {}, "data", "there is nothing to evaluate: the data holds no document"],
    ["a text of one token", texts("a"), {}, "data", "nothing to predict: the text has one token"],
    ["an empty text", texts(""), {}, "data", "nothing to predict: the text has no token"],
    ["rows of one id", idRows([5], [6]), {}, "data", "nothing to predict: no row has two tokens"],
    ["an id past the vocabulary", idRows([5, 6], [5, 2048]), {}, "data", `rows.jsonl, line 2: ${id}`],
    [
      "an id past 2³¹",
      idRows([5, 2 ** 32 + 5]),
      {},
      "data",
      "rows.jsonl, line 1: token id 4294967301 was found, the model's vocabulary ends at 2047",
    ],
    [
      "text among ids",
      [...idRows([5, 6]), ...texts("a")],
      {},
      "data",
      "rows.jsonl, line 2: the metric perplexity reads rows of text or ids or answer, all of one kind; this one is of text",
    ],
    [
      "a conversation",
      [{ kind: "messages", messages: [] }],
      { metric: "perplexity" },
      "data",
      "rows.jsonl, line 1: the metric perplexity reads rows of text or ids or answer, all of one kind; this one is of messages",
    ],
    ["windows that are too long", texts(STORY), { seqLen: 129 }, "usage", "--seq-len 129 is longer than the model's 128 positions"],
    ["windows of one token", texts(STORY), { seqLen: 1 }, "usage", "seqLen is 1, a whole number from 2 on is wanted"],
    ["no windows", texts(STORY), { samples: 0 }, "usage", "samples is 0, a whole number from 1 on is wanted"],
    ["half a window", texts(STORY), { samples: 0.5 }, "usage", "samples is 0.5, a whole number from 1 on is wanted"],
  ];
  for (const [name, rows, options, code, message] of hostile) {
    it(`${name}`, async () => expect(await failureOf(() => perplexity(rows, options))).toEqual([code, message]));
  }
});
