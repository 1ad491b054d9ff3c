import type { Backend } from "@secateur/kit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { holdWeights, likeliestTokens, logitsOf, scoreSequences, type TokenScores } from "../src/index.ts";
import { planPrefixes } from "../src/prefixes.ts";
import { BACKENDS, describeOnBackends } from "./backends.ts";
import { delegate, distance, engineOf, failureOf, golden, goldenFolder, openEngine, randomIds, randomWeights, tiny } from "./support.ts";

describeOnBackends("scores", (make) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await make();
  });
  afterAll(() => backend.dispose());

  // F32 sums in another order than the golden's own differ in the seventh digit; three blocks make some 1e-6 of it.
  for (const model of ["llama", "llama_wide", "mistral", "qwen2", "qwen3"]) {
    it(`gives the logits of the golden ${model} within 1e-4`, async () => {
      const { ids, logits } = golden(model);
      const engine = await openEngine(backend, goldenFolder(model));
      const found = await logitsOf(engine, ids);
      for (const [i, expected] of logits.entries()) expect(distance(found[i] ?? [], expected)).toBeLessThan(1e-4);
      await engine.release();
    });
  }

  it("scores sequences that begin alike as it scores each", async () => {
    for (const config of [{}, { model_type: "mistral", sliding_window: 7 }]) {
      const engine = await engineOf(backend, tiny(config));
      const examples = [...randomIds(40, 40, 1)];
      const rows = [20, 30].map((tokens) => [...examples, ...randomIds(tokens, 40, tokens)]);
      const sequences = rows.flatMap((row) => [1, 4, 9].map((tokens) => Int32Array.from([...row, ...randomIds(tokens, 40, tokens)])));
      expect(planPrefixes(sequences).levels.map(({ length }) => length)).toEqual([1, 2, 6]);
      const [together, logits] = [await scoreSequences(engine, sequences), await logitsOf(engine, sequences)];
      for (const [i, ids] of sequences.entries()) {
        const [alone] = await scoreSequences(engine, [ids]);
        expect(distance(together[i]?.loss ?? [], alone?.loss ?? [])).toBeLessThan(1e-4);
        expect(together[i]?.best).toEqual(alone?.best);
        expect(distance(logits[i] ?? [], (await logitsOf(engine, [ids]))[0] ?? [])).toBeLessThan(1e-4);
      }
      await engine.release();
    }
  });

  it("scores by the golden logits: −log p of the next token, and the likeliest", async () => {
    const { ids, logits } = golden("llama");
    const engine = await openEngine(backend, goldenFolder("llama"));
    const scores = await scoreSequences(engine, ids);
    for (const [s, row] of ids.entries()) {
      const expected = [...row.keys()].map((t) => (logits[s] as Float32Array).subarray(t * 96, (t + 1) * 96));
      const losses = expected.slice(0, -1).map((of, t) => {
        const sum = of.reduce((total, logit) => total + Math.exp(logit), 0);
        return Math.log(sum) - (of[row[t + 1] as number] as number);
      });
      expect(distance(scores[s]?.loss ?? [], losses)).toBeLessThan(1e-4);
      expect([...(scores[s]?.best ?? [])]).toEqual(expected.map((of) => of.indexOf(Math.max(...of))));
    }
    await engine.release();
  });

  it("gives the likeliest tokens of each place, by the same logits as the losses", async () => {
    const { ids, logits } = golden("llama");
    const engine = await openEngine(backend, goldenFolder("llama"));
    const [plain, scores] = [await scoreSequences(engine, ids), await scoreSequences(engine, ids, { top: 3 })];
    const weights = holdWeights(engine);
    const held = await scoreSequences(engine, ids, { top: 3, weights });
    weights.release();
    for (const [s, row] of ids.entries()) {
      const { loss, best, top } = scores[s] as TokenScores;
      expect(held[s]).toEqual(scores[s]);
      expect(distance(loss, plain[s]?.loss ?? [])).toBeLessThan(1e-4);
      expect(best).toEqual(plain[s]?.best);
      expect(top).toHaveLength(row.length);
      for (const [t, likely] of (top ?? []).entries()) {
        const expected = likeliestTokens((logits[s] as Float32Array).subarray(t * 96, (t + 1) * 96), 3);
        expect(likely.ids).toEqual(expected.ids);
        expect(distance(likely.logProbs, expected.logProbs)).toBeLessThan(1e-4);
        if (t + 1 < row.length && likely.ids[0] === row[t + 1]) expect(likely.logProbs[0]).toBe(-(loss[t] as number));
      }
    }
    await engine.release();
  });

  it("computes a head size that is not hidden / heads as the reference does, and null as none", async () => {
    const ids = [randomIds(24, 40)];
    const wide = tiny({ hidden_size: 64, head_dim: 32 });
    const engine = await engineOf(backend, wide);
    expect(engine.description.tensors.get("model.layers.0.self_attn.q_proj.weight")).toEqual([128, 64]);
    expect(engine.description.tensors.get("model.layers.0.self_attn.o_proj.weight")).toEqual([64, 128]);
    expect(distance((await logitsOf(engine, ids))[0] ?? [], (await referenceLogits(wide, ids)) ?? [])).toBeLessThan(1e-4);
    const plain = await engineOf(backend, tiny({ hidden_size: 64 }));
    const withNull = await engineOf(backend, tiny({ hidden_size: 64, head_dim: null }));
    expect(await logitsOf(withNull, ids)).toEqual(await logitsOf(plain, ids));
    for (const one of [engine, plain, withNull]) await one.release();
  });

  it("slides a window of 8 over 24 tokens as the reference does; a window of 24 changes nothing", async () => {
    const ids = [randomIds(24, 40)];
    const config = (window: number | null) => tiny({ model_type: "mistral", sliding_window: window });
    const logits = async (window: number | null): Promise<Float32Array> => {
      const engine = await engineOf(backend, config(window));
      const [of] = await logitsOf(engine, ids);
      await engine.release();
      return of as Float32Array;
    };
    const [none, eight, long, longer] = [await logits(null), await logits(8), await logits(24), await logits(100)];
    expect(distance(eight, (await referenceLogits(config(8), ids)) ?? [])).toBeLessThan(1e-4);
    // The first eight tokens see all before them either way.
    expect(distance(eight.subarray(0, 8 * 40), none.subarray(0, 8 * 40))).toBeLessThan(1e-5);
    expect(distance(eight.subarray(8 * 40, 9 * 40), none.subarray(8 * 40, 9 * 40))).toBeGreaterThan(1e-2);
    expect(distance(long, none)).toBeLessThan(1e-5);
    expect(distance(longer, none)).toBeLessThan(1e-5);
  });

  it("gives the same bits for every spelling of a rotary scaling, and others without it", async () => {
    const ids = [randomIds(24, 40)];
    const spellings = [
      { rope_theta: 10000, rope_scaling: { type: "linear", factor: 2 } },
      { rope_theta: 10000, rope_scaling: { rope_type: "linear", factor: 2 } },
      { rope_theta: 10000, rope_scaling: { type: "linear", rope_type: "linear", factor: 2 } },
      { rope_parameters: { rope_theta: 10000, rope_type: "linear", factor: 2 } },
    ];
    const logits = async (changes: Parameters<typeof tiny>[0]): Promise<Float32Array> => {
      const engine = await engineOf(backend, tiny(changes));
      const [of] = await logitsOf(engine, ids);
      await engine.release();
      return of as Float32Array;
    };
    const [first, ...others] = await Promise.all(spellings.map(logits));
    for (const other of others) expect(other).toEqual(first);
    const plain = await logits({ rope_theta: 10000, rope_scaling: null });
    expect(plain).toEqual(await logits({}));
    expect(distance(plain, first as Float32Array)).toBeGreaterThan(1e-2);
  });

  it("keeps the perplexity of an F16 model when a row of up_proj is 3000 times as large and the column that reads it as small", async () => {
    const config = tiny();
    const weights = randomWeights(config);
    const ids = [randomIds(200, 40)];
    const before = await engineOf(backend, config, weights, "F16");
    const after = await engineOf(backend, config, stretched(weights), "F16");
    const mean = (loss: Float32Array): number => loss.reduce((sum, value) => sum + value, 0) / loss.length;
    const [plain, large] = [await scoreSequences(before, ids), await scoreSequences(after, ids)];
    const perplexities = [plain, large].map(([scores]) => Math.exp(mean(scores?.loss ?? new Float32Array(0))));
    expect(Math.abs((perplexities[1] as number) - (perplexities[0] as number))).toBeLessThan(1e-3);
    for (const engine of [before, after]) await engine.release();
  });

  it("names the sequence of which the model says what is not finite", async () => {
    const weights = randomWeights(tiny());
    (weights.get("model.embed_tokens.weight") as Float32Array)[7 * 32] = Number.NaN;
    const engine = await engineOf(
      backend,
      tiny({ tie_word_embeddings: false }),
      new Map([...weights, ["lm_head.weight", new Float32Array(40 * 32)]]),
    );
    const ids = [Int32Array.of(1, 2, 3), Int32Array.of(1, 2, 3, 7)];
    expect(await failureOf(() => scoreSequences(engine, ids))).toEqual([
      "numeric",
      "sequence 2: −log p is NaN: what the model says of it is not finite",
    ]);
    await engine.release();
  });
});

let reference: Backend;
beforeAll(async () => {
  reference = await BACKENDS.reference.make();
});
afterAll(() => reference.dispose());

async function referenceLogits(config: Parameters<typeof tiny>[0], ids: readonly Int32Array[]): Promise<Float32Array | undefined> {
  const engine = await engineOf(reference, config ?? {});
  const [logits] = await logitsOf(engine, ids);
  await engine.release();
  return logits;
}

/** One row of up_proj × 3000, and the column of down_proj that reads it ÷ 3000: the same model, but for rounding. */
function stretched(weights: ReadonlyMap<string, Float32Array>): Map<string, Float32Array> {
  const copy = new Map([...weights].map(([name, values]) => [name, values.slice()]));
  const [up, down] = ["up", "down"].map((name) => copy.get(`model.layers.0.mlp.${name}_proj.weight`) as Float32Array);
  if (up && down) {
    for (let i = 0; i < 32; i++) up[5 * 32 + i] = (up[5 * 32 + i] as number) * 3000; // (48, 32)
    for (let i = 0; i < 32; i++) down[i * 48 + 5] = (down[i * 48 + 5] as number) / 3000; // (32, 48)
  }
  return copy;
}

describe("sequences that a model cannot read", () => {
  const hostile: [string, Int32Array[], string][] = [
    ["no tokens", [Int32Array.of(1), new Int32Array(0)], "sequence 2 has no tokens"],
    ["too many tokens", [new Int32Array(513)], "sequence 1 has 513 tokens, the model has 512 positions"],
    ["an id past the vocabulary", [Int32Array.of(1, 40)], "sequence 1 has token id 40, the model's vocabulary ends at 39"],
    ["a negative id", [Int32Array.of(-1, 3)], "sequence 1 has token id -1, the model's vocabulary ends at 39"],
    // More than one chunk before it: its number is the caller's.
    [
      "an id past the vocabulary, late",
      [...Array.from({ length: 80 }, () => new Int32Array(512)), Int32Array.of(99)],
      "sequence 81 has token id 99, the model's vocabulary ends at 39",
    ],
  ];
  for (const [name, ids, message] of hostile) {
    it(`${name}: are refused`, async () => {
      const engine = await engineOf(reference, tiny());
      expect(await failureOf(() => scoreSequences(engine, ids))).toEqual(["data", message]);
    });
  }

  it("nothing to score is nothing scored", async () => {
    expect(await scoreSequences(await engineOf(reference, tiny()), [])).toEqual([]);
  });
});

describe("progress", () => {
  it("rises to 1 over several chunks", async () => {
    const engine = await engineOf(reference, tiny({ num_hidden_layers: 1, hidden_size: 8, intermediate_size: 8 }));
    const shares: number[] = [];
    const ids = Array.from({ length: 70 }, (_, i) => randomIds(500, 40, i));
    await scoreSequences(engine, ids, { onProgress: (share) => shares.push(share) });
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(new Set(shares).size).toBeGreaterThan(3);
    expect(shares.at(-1)).toBe(1);
    await engine.release();
  });
});

describe("padding", () => {
  it("changes no loss: rows of 5 and 500 tokens, alone, together, in another order", async () => {
    const ids = [5, 500, 5, 5, 500].map((tokens, i) => randomIds(tokens, 40, i));
    const losses: Float32Array[][] = [];
    const backend = await BACKENDS.onnxruntime.make();
    for (const preferredTokens of [1, 4096]) {
      const engine = await engineOf(delegate(backend, { preferredTokens }), tiny());
      losses.push((await scoreSequences(engine, ids)).map(({ loss }) => loss));
      losses.push((await scoreSequences(engine, [...ids].reverse())).map(({ loss }) => loss).reverse());
      await engine.release();
    }
    // Single precision, of losses around 4: the order of a sum may change with the size of a batch, its terms not.
    for (const other of losses.slice(1))
      for (const [i, loss] of other.entries()) expect(distance(loss, losses[0]?.[i] ?? [])).toBeLessThan(2e-5);
    await backend.dispose();
  });
});
