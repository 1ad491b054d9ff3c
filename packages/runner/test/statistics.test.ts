import type { Program } from "@secateur/graph";
import { type Backend, gram, inputNorm, type Need } from "@secateur/kit";
import { HIDDEN } from "@secateur/models";
import { afterAll, beforeAll, expect, it } from "vitest";
import { collect, type Engine, embed, hiddenOf, loadWeights, type Stream, type TokenSequence } from "../src/index.ts";
import { describeOnBackends } from "./backends.ts";
import { counting, delegate, distance, engineOf, failureOf, randomIds, randomWeights, tiny } from "./support.ts";

const LAYERS = ["self_attn.q_proj", "self_attn.o_proj", "mlp.up_proj", "mlp.down_proj"].map((name) => `${name}.weight`);

/** The statistics of a model's first block. */
async function statsOf(
  engine: Engine,
  sequences: readonly TokenSequence[],
  options: { readonly needs?: readonly Need[]; readonly linears?: readonly string[]; readonly advance?: boolean } = {},
) {
  const block = engine.description.blocks[0] as (typeof engine.description.blocks)[number];
  const stream = await embed(engine.model, engine.description, sequences, engine.backend.preferredTokens);
  const weights = await loadWeights(engine, block.program, block.prefix);
  const { needs = [inputNorm], linears = LAYERS, advance = false } = options;
  try {
    return { stream, stats: await collect(engine, block, weights, stream, { needs, linears: new Set(linears), advance }) };
  } finally {
    weights.release();
  }
}

/** The hidden states of a stream's batches. */
async function hidden(stream: Stream): Promise<Float32Array[]> {
  return Promise.all(stream.batches.map(async (batch) => (await hiddenOf(stream, batch)).slice()));
}

/** Sums in double precision over the values that the taps of a block read, one sequence at a time, straight from the definitions. */
async function oracle(engine: Engine, sequences: readonly TokenSequence[], layer: string) {
  const { program, prefix } = engine.description.blocks[0] as (typeof engine.description.blocks)[number];
  const tap = program.taps.find(({ linears }) => linears.some(({ weight }) => weight === layer));
  const reading: Program = { ...program, outputs: { x: tap?.input ?? "" } };
  const weights = await loadWeights(engine, program, prefix);
  const executable = await engine.backend.compile(reading);
  let squares: Float64Array | undefined;
  let [sums, grams, weight] = [new Float64Array(0), new Float64Array(0), 0];
  for (const sequence of sequences) {
    const { batches, store } = await embed(engine.model, engine.description, [sequence], 1);
    const hidden = engine.backend.upload({
      dtype: "F32",
      shape: [1, sequence.ids.length, 32],
      data: await hiddenOf({ batches, store }, batches[0] as (typeof batches)[number]),
    });
    const { x } = await engine.backend.run(executable, { [HIDDEN]: hidden, ...engine.rotary(sequence.ids.length), ...weights.device });
    const { shape, data } = await engine.backend.download(x as NonNullable<typeof x>);
    const channels = shape[2] as number;
    squares ??= new Float64Array(channels);
    if (sums.length === 0) [sums, grams] = [new Float64Array(channels), new Float64Array(channels * channels)];
    for (const [t, omega] of sequence.weights.entries()) {
      const row = (data as Float32Array).subarray(t * channels, (t + 1) * channels);
      weight += omega;
      for (const [i, value] of row.entries()) {
        squares[i] = (squares[i] as number) + omega * value * value;
        sums[i] = (sums[i] as number) + omega * value;
        for (const [j, other] of row.entries()) grams[i * channels + j] = (grams[i * channels + j] as number) + omega * value * other;
      }
    }
  }
  weights.release();
  return { squares: squares ?? new Float64Array(0), sums, grams, weight };
}

/** The largest difference, relative to the largest number. */
function relative(found: ArrayLike<number> | undefined, expected: Float64Array): number {
  return distance(found ?? [], expected) / expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}

describeOnBackends("statistics", (make, name) => {
  let backend: Backend;
  let engine: Engine;
  beforeAll(async () => {
    backend = await make();
    engine = await engineOf(backend, tiny());
  });
  afterAll(async () => {
    await engine.release();
    await backend.dispose();
  });

  it("equal sums in double precision, with token weights 0, 0.5 and 1, for two needs at once", async () => {
    const sequences = [12, 3, 20].map((tokens, s): TokenSequence => {
      return { ids: randomIds(tokens, 40, s), weights: Float32Array.from({ length: tokens }, (_, t) => [0, 0.5, 1][t % 3] as number) };
    });
    const { stats } = await statsOf(engine, sequences, { needs: [inputNorm, gram] });
    for (const layer of LAYERS) {
      const expected = await oracle(engine, sequences, layer);
      const norm = stats.get(layer)?.get(inputNorm);
      // F32 sums of at most 20 tokens: a few units in the seventh digit.
      expect(relative(norm?.squares, expected.squares)).toBeLessThan(1e-6);
      expect(relative(norm?.sums, expected.sums)).toBeLessThan(1e-6);
      expect(relative(stats.get(layer)?.get(gram).gram, expected.grams)).toBeLessThan(1e-6);
      expect(norm?.weight).toEqual(Float64Array.of(expected.weight));
      expect(stats.get(layer)?.get(gram).weight).toEqual(Float64Array.of(expected.weight));
    }
  });

  it("do not count padding: rows of 5 and 500 tokens in batches of 1 and 8, in another order", async ({ skip }) => {
    skip(name === "tfjs cpu" || name === "reference in primitives", "slow: rows of 500 tokens in plain JavaScript");
    const sequences = [5, 500, 5, 5, 500, 5].map((tokens, s) => counting(randomIds(tokens, 40, s)));
    const needs = [inputNorm, gram];
    const all = [];
    for (const preferredTokens of [1, 4000]) {
      const other: Engine = { ...engine, backend: delegate(backend, { preferredTokens }) };
      for (const order of [sequences, [...sequences].reverse()]) all.push((await statsOf(other, order, { needs })).stats);
    }
    const [first, ...others] = all;
    for (const layer of LAYERS) {
      for (const need of needs) {
        for (const [sum, expected] of Object.entries(first?.get(layer)?.get(need) ?? {})) {
          // F32 sums of up to 4000 tokens in another order: √4000 units in the last place, some 4e-6.
          for (const other of others) expect(relative(other.get(layer)?.get(need)[sum], expected)).toBeLessThan(1e-5);
        }
      }
    }
  });

  it("leave the stream where it is, or move it as a plain pass does", async () => {
    const sequences = [7, 9].map((tokens) => counting(randomIds(tokens, 40, tokens)));
    const before = await hidden(await embed(engine.model, engine.description, sequences, backend.preferredTokens));
    const still = await statsOf(engine, sequences);
    const moved = await statsOf(engine, sequences, { advance: true });
    const plain = await statsOf(engine, sequences, { needs: [], advance: true });
    expect(await hidden(still.stream)).toEqual(before);
    expect(await hidden(moved.stream)).not.toEqual(before);
    const expected = await hidden(plain.stream);
    for (const [i, batch] of (await hidden(moved.stream)).entries()) expect(distance(batch, expected[i] ?? [])).toBeLessThan(1e-5);
    expect(plain.stats.size).toBe(0);
    for (const layer of LAYERS) {
      const [a, b] = [still, moved].map(({ stats }) => stats.get(layer)?.get(inputNorm).squares ?? new Float64Array(0));
      expect(relative(a, b ?? new Float64Array(0))).toBeLessThan(1e-6);
    }
  });

  it("are shared by the layers that read the same, and taken only where they are asked for", async () => {
    const { stats } = await statsOf(engine, [counting(randomIds(6, 40))], {
      linears: ["self_attn.k_proj.weight", "mlp.down_proj.weight"],
    });
    const [q, k, v] = ["q", "k", "v"].map((of) => stats.get(`self_attn.${of}_proj.weight`)?.get(inputNorm).squares);
    expect(q).toBe(k);
    expect(v).toBe(k);
    expect([...stats.keys()].sort()).toEqual(
      ["mlp.down_proj", "self_attn.k_proj", "self_attn.q_proj", "self_attn.v_proj"].map((of) => `${of}.weight`),
    );
    expect(() => stats.get("mlp.down_proj.weight")?.get(gram)).toThrow("the statistic gram was not collected");
  });

  it("are finite where an F16 model's inner values pass 65504", async () => {
    const config = tiny();
    const weights = randomWeights(config);
    const [up, norm] = ["mlp.up_proj", "post_attention_layernorm"].map((of) => weights.get(`model.layers.0.${of}.weight`) as Float32Array);
    for (let i = 0; i < 32; i++) {
      if (up) up[5 * 32 + i] = (up[5 * 32 + i] as number) * 30000; // row 5 of (48, 32)
      if (norm) norm[i] = (norm[i] as number) * 10;
    }
    const large = await engineOf(backend, config, weights, "F16");
    const { stats } = await statsOf(large, [counting(randomIds(50, 40))], { needs: [inputNorm, gram] });
    const { squares } = stats.get("mlp.down_proj.weight")?.get(inputNorm) ?? {};
    expect(Math.sqrt((squares?.[5] ?? 0) / 50)).toBeGreaterThan(65504);
    for (const sums of LAYERS.flatMap((layer) => [inputNorm, gram].flatMap((need) => Object.values(stats.get(layer)?.get(need) ?? {})))) {
      expect(sums.every(Number.isFinite)).toBe(true);
    }
    await large.release();
  });

  it("name the tensor whose input is not a number", async () => {
    const weights = randomWeights(tiny());
    (weights.get("model.layers.0.post_attention_layernorm.weight") as Float32Array)[3] = Number.NaN;
    const broken = await engineOf(backend, tiny(), weights);
    const work = () => statsOf(broken, [counting(randomIds(6, 40))]);
    expect(await failureOf(work)).toEqual([
      "numeric",
      'the input of model.layers.0.mlp.gate_proj.weight has inputNorm "squares" NaN at entry 3: the model\'s activations on this data are not finite, or too large to sum',
    ]);
    await expect(work).rejects.toMatchObject({ where: { tensor: "model.layers.0.mlp.gate_proj.weight" } });
    await broken.release();
  });

  it("of outputs are each layer's own", async () => {
    const outputSum: Need = { id: "outputSum", of: "output", merge: "sum", reduce: (b, values) => ({ total: b.reduceSum(values, 1) }) };
    const { stats } = await statsOf(engine, [counting(randomIds(6, 40))], { needs: [outputSum, inputNorm] });
    const [q, k] = ["q", "k"].map((of) => stats.get(`self_attn.${of}_proj.weight`));
    expect(q?.get(outputSum).total).toHaveLength(32);
    expect(k?.get(outputSum).total).toHaveLength(16);
    expect(q?.get(inputNorm)).toBe(k?.get(inputNorm));
  });

  it("that keep the tokens are refused", async () => {
    const kept: Need = { id: "kept", of: "input", merge: "sum", reduce: (_, values) => ({ all: values }) };
    expect(await failureOf(() => statsOf(engine, [counting(randomIds(6, 40))], { needs: [kept] }))).toEqual([
      "plugin",
      "a statistic keeps the axis tokens: only a leading batch axis is summed over",
    ]);
  });
});
