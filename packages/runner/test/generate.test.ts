import { createReferenceBackend } from "@secateur/backend-reference";
import type { Backend } from "@secateur/kit";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Engine, generateGreedy, scoreSequences } from "../src/index.ts";
import { engineOf, failureOf, randomIds, tiny } from "./support.ts";

let backend: Backend;
let engine: Engine;
beforeAll(async () => {
  backend = createReferenceBackend();
  engine = await engineOf(backend, tiny({ max_position_embeddings: 24 }));
});
afterAll(() => backend.dispose());

describe("greedy decoding", () => {
  it("stops at any id of a list of end tokens, which is not part of the answer", async () => {
    const prompt = randomIds(6, 40);
    const [free] = await generateGreedy(engine, [prompt], { maxTokens: 8, endTokens: [] });
    const ids = [...(free?.ids ?? [])];
    expect(free?.finishReason).toBe("length");
    expect(ids).toHaveLength(8);
    for (const end of new Set(ids)) {
      const never = [...Array(40).keys()].find((id) => !ids.includes(id)) as number;
      for (const endTokens of [[end], [never, end], [end, never]]) {
        const [stopped] = await generateGreedy(engine, [prompt], { maxTokens: 8, endTokens });
        expect(stopped).toEqual({ ids: Int32Array.from(ids.slice(0, ids.indexOf(end))), finishReason: "stop" });
      }
    }
  });

  it("is teacher-forced: each token is the likeliest after those before it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 39 }), { minLength: 1, maxLength: 10 }), async (prompt) => {
        const [written] = await generateGreedy(engine, [Int32Array.from(prompt)], { maxTokens: 5, endTokens: [3] });
        const ids = written?.ids ?? new Int32Array(0);
        const [scores] = await scoreSequences(engine, [Int32Array.from([...prompt, ...ids])]);
        const said = [...(scores?.best.subarray(prompt.length - 1) ?? [])];
        expect(said.slice(0, -1)).toEqual([...ids]);
        expect(written?.finishReason).toBe(ids.length < 5 ? "stop" : "length");
        if (ids.length < 5) expect(said.at(-1)).toBe(3);
      }),
      { numRuns: 20 },
    );
  });

  it("answers several prompts as it answers each", async () => {
    const prompts = [2, 11, 5].map((tokens) => randomIds(tokens, 40, tokens));
    const options = { maxTokens: 4, endTokens: [1] };
    const alone = [];
    for (const prompt of prompts) alone.push(...(await generateGreedy(engine, [prompt], options)));
    expect(await generateGreedy(engine, prompts, options)).toEqual(alone);
  });

  it("ends at the model's last position", async () => {
    const [written] = await generateGreedy(engine, [randomIds(22, 40)], { maxTokens: 9, endTokens: [] });
    expect(written?.ids).toHaveLength(2);
    expect(written?.finishReason).toBe("length");
  });

  const hostile: [string, Int32Array, string][] = [
    ["an empty prompt", new Int32Array(0), "sequence 2 has no tokens"],
    ["a prompt that is too long", new Int32Array(25), "sequence 2 has 25 tokens, the model has 24 positions"],
    ["an id past the vocabulary", Int32Array.of(40), "sequence 2 has token id 40, the model's vocabulary ends at 39"],
  ];
  for (const [name, prompt, message] of hostile) {
    it(`refuses ${name}`, async () => {
      const work = () => generateGreedy(engine, [Int32Array.of(1), prompt], { maxTokens: 0, endTokens: [] });
      expect(await failureOf(work)).toEqual(["data", message]);
    });
  }
});
