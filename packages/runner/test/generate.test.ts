import { createReferenceBackend } from "@secateur/backend-reference";
import type { Backend } from "@secateur/kit";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Engine,
  type GenerateOptions,
  generateGreedy,
  holdWeights,
  likeliestTokens,
  scoreSequences,
  streamTokens,
  type Written,
} from "../src/index.ts";
import { describeOnBackends } from "./backends.ts";
import { counted, delegate, engineOf, failureOf, golden, goldenFolder, openEngine, randomIds, randomWeights, tiny } from "./support.ts";

/** Greedy decoding by its definition: the whole sequence again for each token. */
async function byWholePasses(engine: Engine, prompt: Int32Array, { maxTokens, endTokens }: GenerateOptions): Promise<number[]> {
  const ids = [...prompt];
  while (ids.length < Math.min(prompt.length + maxTokens, engine.description.positions)) {
    const [scores] = await scoreSequences(engine, [Int32Array.from(ids)]);
    const next = scores?.best.at(-1) as number; // a sequence has a token at least
    if (endTokens.includes(next)) break;
    ids.push(next);
  }
  return ids.slice(prompt.length);
}

/** Token i is the letter i. */
const letters = { decode: (ids: Iterable<number>) => [...ids].map((id) => String.fromCharCode(97 + id)).join("") };

describeOnBackends("decoding", (make) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await make();
  });
  afterAll(() => backend.dispose());

  for (const model of ["llama", "mistral", "qwen2", "qwen3"]) {
    it(`writes the tokens of the golden ${model} that whole passes give`, async () => {
      const engine = await openEngine(backend, goldenFolder(model));
      const prompts = golden(model).ids.flatMap((ids) => [ids.subarray(0, 3), ids.subarray(0, 11)]);
      const options = { maxTokens: 12, endTokens: [] };
      const found = await generateGreedy(engine, prompts, { ...options, promptTokens: 4 });
      for (const [i, prompt] of prompts.entries()) expect([...(found[i]?.ids ?? [])]).toEqual(await byWholePasses(engine, prompt, options));
      await engine.release();
    });
  }
});

describe("greedy decoding", () => {
  let backend: Backend;
  let engine: Engine;
  beforeAll(async () => {
    backend = createReferenceBackend();
    engine = await engineOf(backend, tiny({ model_type: "mistral", sliding_window: 6, max_position_embeddings: 24 }));
  });
  afterAll(() => backend.dispose());

  it("is what whole passes give, whatever is answered together, the pieces of a prompt, and what stays on the backend", async () => {
    const prompts = fc.array(fc.array(fc.integer({ min: 0, max: 39 }), { minLength: 1, maxLength: 23 }), { minLength: 1, maxLength: 5 });
    const settings = fc.record({
      maxTokens: fc.integer({ min: 0, max: 8 }),
      endTokens: fc.array(fc.integer({ min: 0, max: 39 }), { maxLength: 3 }),
      promptTokens: fc.integer({ min: 1, max: 25 }),
      cacheBytes: fc.constantFrom(1, 30_000, 2 ** 30),
      weightBytes: fc.constantFrom(0, 20_000, 2 ** 30),
    });
    await fc.assert(
      fc.asyncProperty(prompts, settings, async (given, { weightBytes, ...options }) => {
        const ids = given.map((prompt) => Int32Array.from(prompt));
        const weights = holdWeights(engine, weightBytes);
        const found = await generateGreedy(engine, ids, { ...options, weights });
        weights.release();
        for (const [i, prompt] of ids.entries()) {
          const wanted = await byWholePasses(engine, prompt, options);
          const limit = Math.min(options.maxTokens, 24 - prompt.length);
          const finishReason = wanted.length < limit ? "stop" : limit < options.maxTokens ? "positions" : "length";
          expect(found[i]).toEqual({ ids: Int32Array.from(wanted), text: "", finishReason });
        }
      }),
      { numRuns: 40 },
    );
  });

  it("reads what all prompts begin with once", async () => {
    const long = await engineOf(backend, tiny({ model_type: "mistral", sliding_window: 9 }));
    const examples = [...randomIds(40, 40, 3)];
    const prompts = [1, 7, 12].map((tokens) => Int32Array.from([...examples, ...randomIds(tokens, 40, tokens)]));
    let read = 0;
    const watched = delegate(backend, {
      async run(executable, inputs, into) {
        const { hidden } = inputs;
        if (hidden && executable.program.outputs.nextHidden) read += (hidden.shape[0] as number) * (hidden.shape[1] as number);
        return backend.run(executable, inputs, into);
      },
    });
    for (const promptTokens of [16, 1024]) {
      const options = { maxTokens: 1, endTokens: [], promptTokens };
      const found = await generateGreedy({ ...long, backend: watched }, prompts, options);
      for (const [i, prompt] of prompts.entries()) expect([...(found[i]?.ids ?? [])]).toEqual(await byWholePasses(long, prompt, options));
    }
    // Twice, by two blocks: 39 tokens of all, then what each has of its own, padded.
    expect(read).toBe(2 * 2 * (39 + 3 * 13));
    await long.release();
  });

  it("goes on past what its caches first have room for", async () => {
    const long = await engineOf(backend, tiny());
    const options = { maxTokens: 140, endTokens: [] };
    const prompts = [randomIds(3, 40, 5), randomIds(30, 40, 6)];
    const found = await generateGreedy(long, prompts, options);
    const ids = Int32Array.from([...(prompts[1] ?? []), ...(found[1]?.ids ?? [])]);
    const [scores] = await scoreSequences(long, [ids]);
    expect([...(scores?.best.subarray(29, -1) ?? [])]).toEqual([...(found[1]?.ids ?? [])]);
    expect(found.map((one) => one.ids.length)).toEqual([140, 140]);
    await long.release();
  });

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
        expect(stopped).toEqual({ ids: Int32Array.from(ids.slice(0, ids.indexOf(end))), text: "", finishReason: "stop" });
      }
    }
  });

  it("stops before a stop string, which may begin and end within tokens", async () => {
    const prompt = randomIds(6, 40);
    const twice = { decode: (ids: Iterable<number>) => [...ids].map((id) => letters.decode([id, id])).join("") };
    const options = { maxTokens: 8, endTokens: [], tokenizer: twice };
    const [free] = await generateGreedy(engine, [prompt], options);
    const text = free?.text as string;
    expect(text).toHaveLength(16);
    for (const stop of [text.slice(3, 6), text.slice(4, 6), text.slice(0, 1), text.slice(-3)]) {
      const [stopped] = await generateGreedy(engine, [prompt], { ...options, stop: ["never", stop] });
      const at = text.indexOf(stop);
      expect(stopped?.text).toBe(text.slice(0, at));
      expect(stopped?.finishReason).toBe("stop");
      expect([...(stopped?.ids ?? [])]).toEqual([...(free?.ids ?? [])].slice(0, Math.ceil((at + stop.length) / 2)));
    }
  });

  it("gives tokens and text as they are written, and an end for each prompt", async () => {
    const prompts = [2, 11, 5, 24].map((tokens) => randomIds(tokens, 40, tokens));
    const options = { maxTokens: 4, endTokens: [1], tokenizer: letters };
    const written: Written[] = [];
    for await (const one of streamTokens(engine, prompts, options)) written.push(one);
    const answers = await generateGreedy(engine, prompts, options);
    for (const [prompt, { ids, text, finishReason }] of answers.entries()) {
      const own = written.filter((one) => one.prompt === prompt);
      expect(own.flatMap((one) => ("id" in one ? [one.id] : []))).toEqual([...ids]);
      expect(own.map((one) => one.text).join("")).toBe(text);
      expect(text).toBe(letters.decode(ids));
      expect(own.filter((one) => "finishReason" in one)).toEqual([{ prompt, finishReason, text: "" }]);
      expect(own.at(-1)).toHaveProperty("finishReason");
    }
  });

  it("writes the tokens that are chosen from the logits, each asked for once, whatever the pieces of a prompt", async () => {
    const common = [...randomIds(20, 40, 9)];
    const prompts = [
      [...common, 1, 2, 3],
      [...common, 4],
      [5, 6],
    ].map((ids) => Int32Array.from(ids));
    for (const promptTokens of [3, 1024]) {
      const asked: [prompt: number, id: number][] = [];
      const second = (logits: Float32Array, prompt: number): number => {
        const id = likeliestTokens(logits, 2).ids[1] as number;
        asked.push([prompt, id]);
        return id;
      };
      const written = new Map(prompts.map((ids, prompt) => [prompt, [...ids]]));
      for await (const one of streamTokens(engine, prompts, { maxTokens: 3, endTokens: [], promptTokens, choose: second }))
        if ("id" in one) written.get(one.prompt)?.push(one.id);
      for (const [prompt, given] of prompts.entries()) {
        const ids = Int32Array.from(written.get(prompt) ?? []);
        expect(asked.flatMap(([of, id]) => (of === prompt ? [id] : []))).toEqual([...ids.subarray(given.length)]);
        const [scores] = await scoreSequences(engine, [ids], { top: 2 });
        for (let t = given.length; t < ids.length; t++) expect(scores?.top?.[t - 1]?.ids[1]).toBe(ids[t]);
      }
    }
  });

  it("says when the model's positions end an answer", async () => {
    const [written] = await generateGreedy(engine, [randomIds(22, 40)], { maxTokens: 9, endTokens: [] });
    expect(written?.ids).toHaveLength(2);
    expect(written?.finishReason).toBe("positions");
    const [exact] = await generateGreedy(engine, [randomIds(22, 40)], { maxTokens: 2, endTokens: [] });
    expect(exact?.finishReason).toBe("length");
  });

  it("leaves nothing on the backend, however it ends", async () => {
    const prompts = [randomIds(6, 40), randomIds(9, 40)];
    const options = { maxTokens: 5, endTokens: [] };
    const ends: [string, number, (engine: Engine) => Promise<unknown>][] = [
      ["done", Number.POSITIVE_INFINITY, (given) => generateGreedy(given, prompts, options)],
      ...[0, 2, 3, 7].map((runs): (typeof ends)[number] => [
        "failed",
        runs,
        (given) => expect(generateGreedy(given, prompts, options)).rejects.toThrow("the device is lost"),
      ]),
      [
        "left",
        Number.POSITIVE_INFINITY,
        async (given) => {
          for await (const _ of streamTokens(given, prompts, options)) break;
        },
      ],
      [
        "cancelled",
        Number.POSITIVE_INFINITY,
        async (given) => {
          const control = new AbortController();
          const work = async () => {
            for await (const _ of streamTokens(given, prompts, { ...options, signal: control.signal })) control.abort();
          };
          expect(await failureOf(work)).toEqual(["cancelled", "the run was cancelled"]);
        },
      ],
    ];
    for (const [, runs, work] of ends) {
      const { backend: counting, alive } = counted(createReferenceBackend(), runs);
      const given = await engineOf(counting, tiny());
      await work(given);
      await given.release();
      expect(alive()).toEqual({ tensors: 0, executables: 0 });
    }
  });

  it("reads weights once where they stay on the backend, and else at every step", async () => {
    const count = async (bytes: number): Promise<number> => {
      let uploads = 0;
      const reference = createReferenceBackend();
      const watched = delegate(reference, {
        upload(value) {
          if (value.shape.length <= 2 && value.shape.includes(48)) uploads++; // the feed-forward layers' alone are of this size
          return reference.upload(value);
        },
      });
      const given = await engineOf(watched, tiny());
      const weights = holdWeights(given, bytes);
      await generateGreedy(given, [randomIds(6, 40)], { maxTokens: 3, endTokens: [], weights });
      weights.release();
      return uploads;
    };
    const block = 4 * (32 * 32 * 2 + 16 * 32 * 2 + 3 * 48 * 32 + 2 * 32);
    expect(await count(2 * block)).toBe(2 * 3);
    expect(await count(block)).toBe(3 + 3 * 3);
    expect(await count(block - 1)).toBe(2 * 3 * 3);
  });

  const hostile: [string, readonly Int32Array[], Partial<GenerateOptions>, string, string][] = [
    ["an empty prompt", [new Int32Array(0)], {}, "data", "sequence 2 has no tokens"],
    ["a prompt that is too long", [new Int32Array(25)], {}, "data", "sequence 2 has 25 tokens, the model has 24 positions"],
    ["an id past the vocabulary", [Int32Array.of(40)], {}, "data", "sequence 2 has token id 40, the model's vocabulary ends at 39"],
    ["no number of tokens", [], { maxTokens: 1.5 }, "usage", "maxTokens is 1.5, a whole number from 0 on is wanted"],
    ["fewer tokens than none", [], { maxTokens: -1 }, "usage", "maxTokens is -1, a whole number from 0 on is wanted"],
    ["pieces of nothing", [], { promptTokens: 0 }, "usage", "promptTokens is 0, a whole number from 1 on is wanted"],
    [
      "an empty stop string",
      [],
      { tokenizer: letters, stop: ["a", ""] },
      "usage",
      "a stop string is empty: every text would end before it begins",
    ],
    ["stop strings without text", [], { stop: ["a"] }, "usage", "stop strings are looked for in text: a tokenizer is wanted with them"],
  ];
  for (const [what, more, options, code, message] of hostile) {
    it(`refuses ${what}`, async () => {
      const work = () => generateGreedy(engine, [Int32Array.of(1), ...more], { maxTokens: 0, endTokens: [], ...options });
      expect(await failureOf(work)).toEqual([code, message]);
    });
  }

  it("refuses to go on where what the model says is not finite", async () => {
    const weights = new Map(
      [...randomWeights(tiny())].map(([key, values]) => [key, key === "model.norm.weight" ? values.fill(Number.NaN) : values]),
    );
    const broken = await engineOf(backend, tiny(), weights);
    const work = () => generateGreedy(broken, [randomIds(6, 40)], { maxTokens: 3, endTokens: [] });
    expect(await failureOf(work)).toEqual(["numeric", "−log p is NaN: what the model says after 6 tokens is not finite"]);
    await broken.release();
  });

  it("refuses to choose from logits that are not finite", async () => {
    const weights = new Map(
      [...randomWeights(tiny())].map(([key, values]) => [key, key === "model.norm.weight" ? values.fill(Number.NaN) : values]),
    );
    const broken = await engineOf(backend, tiny(), weights);
    const work = async () => {
      for await (const _ of streamTokens(broken, [randomIds(6, 40)], { maxTokens: 3, endTokens: [], choose: () => 1 }));
    };
    expect(await failureOf(work)).toEqual(["numeric", "a logit is NaN: what the model says after 6 tokens is not finite"]);
    await broken.release();
  });
});
