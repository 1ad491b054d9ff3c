import { createReferenceBackend } from "@secateur/backend-reference";
import { type Engine, generateGreedy, scoreSequences } from "@secateur/runner";
import { encodePair } from "@secateur/text";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AnswersResult, type EvaluateOptions, evaluate } from "../src/index.ts";
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
  readonly answer: string;
}

async function answers(rows: readonly Row[], options: EvaluateOptions = {}, of = engine, by = tokenizer): Promise<AnswersResult> {
  const given = documents(rows.map((row) => ({ kind: "answer", ...row })));
  const result = await evaluate(of, () => by, given, options);
  if (result.metric !== "answers") throw new Error(`the metric is ${result.metric}`);
  return result;
}

const ROWS: readonly Row[] = [
  { prompt: "The cat", answer: " sat on the mat." },
  { prompt: "One and one is", answer: " two" },
];

describe("answers", () => {
  it("are scored per token, given the prompt and what came before", async () => {
    const pairs = ROWS.map(({ prompt, answer }) => encodePair(tokenizer, prompt, answer));
    const scores = await scoreSequences(
      engine,
      pairs.map(({ ids }) => ids),
    );
    const losses = pairs.flatMap(({ start }, i) => [...(scores[i]?.loss.subarray(start - 1) ?? [])]);
    const found = await answers(ROWS);
    expect(found).toMatchObject({ documents: 2, skipped: 0, answerTokens: losses.length });
    expect(found.nll).toBeCloseTo(losses.reduce((sum, value) => sum + value, 0) / losses.length, 8);
    expect(found.perplexity).toBeCloseTo(Math.exp(found.nll), 8);
    expect(found.protocol).toBe(
      `answers: 2 rows, mean over ${losses.length} answer tokens given prompt and answer so far; exact match by greedy decoding, then end token 0`,
    );
  });

  it("come after the begin tokens, with which a prompt may be empty", async () => {
    const found = await answers([{ prompt: "", answer: " two" }], { begin: [0] });
    expect(found.answerTokens).toBe(tokenizer.encode(" two").length);
    const [scores] = await scoreSequences(engine, [Int32Array.of(0, ...tokenizer.encode(" two"))]);
    expect(found.nll).toBeCloseTo((scores?.loss ?? new Float32Array(0)).reduce((sum, value) => sum + value, 0) / found.answerTokens, 8);
    expect(await answers([{ prompt: "", answer: " two" }], {}, engine, demoTokenizer({ begin: true }))).toEqual(found);
  });

  describe("of conversations", () => {
    const chat =
      "{% for message in messages %}<{{ message.role }}>{{ message.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
    const messages = [
      { role: "user", content: "The cat" },
      { role: "assistant", content: " sat." },
      { role: "user", content: " One and one is" },
      { role: "assistant", content: " two" },
    ];
    const measured = (turns: typeof messages) =>
      evaluate(engine, () => demoTokenizer({ chat, begin: true }), documents([{ kind: "messages", messages: turns }]));

    it("are the last turns, after all that the template writes before them", async () => {
      const prompt = "<user>The cat<|end|><assistant> sat.<|end|><user> One and one is<|end|><assistant>";
      const found = await answers([{ prompt, answer: " two<|end|>" }]);
      expect(await measured(messages)).toEqual(found);
    });

    it("are refused where there is none", async () => {
      const message = "rows.jsonl, line 1: the conversation has no turn of the assistant, whose answer could be measured";
      expect(await failureOf(() => measured(messages.slice(0, 1)))).toEqual(["data", message]);
    });
  });

  it("that are too long or nothing are left out and counted", async () => {
    const odd = [ROWS[0] as Row, { prompt: "The cat", answer: "" }, { prompt: "The cat", answer: " sat".repeat(200) }];
    const found = await answers(odd);
    expect(found).toMatchObject({ documents: 1, skipped: 2 });
    expect(found.protocol).toContain("answers: 1 row (2 left out: too long, or nothing to predict), mean over");
    expect(await failureOf(() => answers(odd.slice(1)))).toEqual([
      "data",
      "nothing to predict: no row has an answer that fits in 128 tokens",
    ]);
  });
});

describe("an exact match", () => {
  // What the model writes may be no text that is encoded the same way: only answers that are can be rows.
  const written = async (prompt: string, endTokens: readonly number[]) => {
    const ids = tokenizer.encode(prompt);
    const [given] = await generateGreedy(engine, [ids], { maxTokens: 6, endTokens });
    const answer = tokenizer.decode(given?.ids ?? []);
    const pair = encodePair(tokenizer, prompt, answer);
    const same = pair.start === ids.length && String(pair.ids.subarray(pair.start)) === String(given?.ids) && (given?.ids.length ?? 0) > 0;
    return { answer, same, stopped: given?.finishReason === "stop" };
  };
  const prompts = fc
    .array(fc.constantFrom("the", "cat", "one", "is", "rain", "day"), { minLength: 1, maxLength: 5 })
    .map((words) => words.join(" "));

  it("is what greedy decoding gives, and nothing else is", async () => {
    let matched = 0;
    await fc.assert(
      fc.asyncProperty(prompts, async (prompt) => {
        // The model is random: the token that it writes fourth stands for an end token.
        const [free] = await generateGreedy(engine, [tokenizer.encode(prompt)], { maxTokens: 4, endTokens: [] });
        const end = [free?.ids[3] as number];
        const { answer, same, stopped } = await written(prompt, end);
        if (!same || !stopped) return;
        matched++;
        expect((await answers([{ prompt, answer }], { end })).exactMatch?.value).toBe(1);
        expect((await answers([{ prompt, answer: `${answer} the` }], { end })).exactMatch?.value).toBe(0);
        expect((await answers([{ prompt, answer: ` the${answer}` }], { end })).exactMatch?.value).toBe(0);
        // Cut short, the likeliest next token is no end.
        expect((await answers([{ prompt, answer }], { end: [2047] })).exactMatch?.value).toBe(0);
        expect((await answers([{ prompt, answer }], { end: [] })).exactMatch?.value).toBe(1);
      }),
      { numRuns: 30, seed: 7 },
    );
    expect(matched).toBeGreaterThan(3);
  });

  it("holds no end token: decoding would have ended there", async () => {
    const ids = tokenizer.encode("The cat");
    const [free] = await generateGreedy(engine, [ids], { maxTokens: 3, endTokens: [] });
    const answer = tokenizer.decode(free?.ids ?? []);
    const pair = encodePair(tokenizer, "The cat", answer);
    expect([...pair.ids.subarray(pair.start)]).toEqual([...(free?.ids ?? [])]);
    const [next] = await generateGreedy(engine, [pair.ids], { maxTokens: 1, endTokens: [] });
    const after = next?.ids[0] as number;
    expect((await answers([{ prompt: "The cat", answer }], { end: [after] })).exactMatch?.value).toBe(1);
    expect((await answers([{ prompt: "The cat", answer }], { end: [after, free?.ids[1] as number] })).exactMatch?.value).toBe(0);
  });

  it("ends at any end token that the model's configs and the tokenizer name", async () => {
    const listed = await tinyEngine(backend, { eos_token_id: 2 }, { eos_token_id: [7, 9] });
    expect((await answers(ROWS, {}, listed)).protocol).toMatch(/then end token 7 or 9 or 0$/);
    const plain = await tinyEngine(backend, { eos_token_id: [2, 3] });
    expect((await answers(ROWS, {}, plain, demoTokenizer({ end: false }))).protocol).toMatch(/then end token 2 or 3$/);
    expect((await answers(ROWS, {}, engine, demoTokenizer({ end: false }))).protocol).toMatch(/by greedy decoding$/);
  });
});
