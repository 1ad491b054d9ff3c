import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { programBuilder } from "@secateur/graph";
import { type Backend, fisher, inputNorm, type Need, outputGradient, type RoleStats, regionalGradient } from "@secateur/kit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  backwardProgram,
  collect,
  createStateStore,
  type Engine,
  embed,
  loadWeights,
  scoreSequences,
  startBackward,
  type TokenSequence,
} from "../src/index.ts";
import { BACKENDS, describeOnBackends } from "./backends.ts";
import {
  counting,
  delegate,
  distance,
  engineOf,
  failureOf,
  goldenFolder,
  openEngine,
  randomIds,
  randomWeights,
  readTensors,
  tiny,
} from "./support.ts";

const NEEDS = [inputNorm, outputGradient, fisher];

interface Found {
  readonly loss: number;
  /** By tensor name. */
  readonly stats: ReadonlyMap<string, RoleStats>;
}

/** The statistics of all linear layers of a model, with gradients. */
async function statsOf(
  engine: Engine,
  sequences: readonly TokenSequence[],
  needs: readonly Need[] = NEEDS,
  store = createStateStore(),
): Promise<Found> {
  const { blocks } = engine.description;
  const stream = await embed(engine.model, engine.description, sequences, engine.backend.preferredTokens, store);
  const pass = await startBackward(engine, stream);
  const stats = new Map<string, RoleStats>();
  for (const [i, { program, prefix }] of [...blocks.entries()].reverse()) {
    const weights = await loadWeights(engine, program, prefix);
    const linears = new Set(program.taps.flatMap((tap) => tap.linears.map(({ weight }) => weight)));
    for (const [name, of] of await pass.collect(i, weights, { needs, linears })) stats.set(prefix + name, copyOf(of, needs));
    weights.release();
  }
  return { loss: pass.loss, stats };
}

/** Statistics that stay when the next block is collected. */
function copyOf(stats: RoleStats, needs: readonly Need[]): RoleStats {
  const copies = new Map(
    needs.map((need) => [need.id, Object.fromEntries(Object.entries(stats.get(need)).map(([sum, values]) => [sum, values.slice()]))]),
  );
  return { get: (need) => copies.get(need.id) ?? {} };
}

/** The largest difference, relative to the largest number. */
function relative(found: ArrayLike<number> | undefined, expected: ArrayLike<number>): number {
  return distance(found ?? [], expected) / Array.from(expected).reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}

const GOLDENS = readdirSync(goldenFolder("")).filter((name) => existsSync(join(goldenFolder(name), "gradients.safetensors")));

describeOnBackends("gradients", (make) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await make();
  });
  afterAll(() => backend.dispose());

  it.each(GOLDENS)("of %s are those of the reference", async (golden) => {
    const folder = goldenFolder(golden);
    const engine = await openEngine(backend, folder);
    const lines = readFileSync(join(folder, "calibration.jsonl"), "utf8").trim().split("\n");
    const sequences = lines.map((line) => counting(Int32Array.from((JSON.parse(line) as { input_ids: number[] }).input_ids)));
    const wanted = readTensors(join(folder, "gradients.safetensors"));
    const { loss, stats } = await statsOf(engine, sequences);
    expect(relative([loss], wanted.get("loss")?.data as Float32Array)).toBeLessThan(1e-4);
    const layers = [...wanted.keys()].filter((key) => key.endsWith(".fisher")).map((key) => key.slice(0, -".fisher".length));
    expect([...stats.keys()].sort()).toEqual(layers.map((layer) => `${layer}.weight`).sort());
    for (const layer of layers) {
      const of = stats.get(`${layer}.weight`) as RoleStats;
      const want = (what: string): Float32Array => wanted.get(`${layer}.${what}`)?.data as Float32Array;
      // The reference sums in single precision too, in another order.
      expect(relative(of.get(inputNorm).squares, want("input_sumsq")), layer).toBeLessThan(1e-3);
      expect(relative(of.get(outputGradient).squares, want("output_gradient_sumsq")), layer).toBeLessThan(1e-3);
      expect(relative(of.get(fisher).squares, want("fisher")), layer).toBeLessThan(1e-3);
    }
    await engine.release();
  });
});

describe("the backward pass", () => {
  let backend: Backend;
  let engine: Engine;
  const sequences = [counting(randomIds(23, 40, 1)), counting(randomIds(9, 40, 2)), counting(randomIds(31, 40, 3))];
  beforeAll(async () => {
    backend = await BACKENDS.onnxruntime.make();
    engine = await engineOf(backend, tiny());
  });
  afterAll(() => backend.dispose());

  it("has the loss that scoring finds", async () => {
    const scores = await scoreSequences(
      engine,
      sequences.map(({ ids }) => ids),
    );
    const all = scores.flatMap(({ loss }) => [...loss]);
    const { loss } = await statsOf(engine, sequences);
    expect(loss).toBeCloseTo(all.reduce((sum, one) => sum + one, 0) / all.length, 5);
  });

  it("is the sum over sequences, whatever runs together and wherever hidden states are kept", async () => {
    const whole = await statsOf(engine, sequences);
    const scratch = createStateStore({ memoryBytes: 1, scratch: join(engine.model.source, "states") });
    const kept = await statsOf(engine, sequences, NEEDS, scratch);
    await scratch.close();
    const parts = [];
    for (const one of sequences) parts.push(await statsOf(engine, [one]));
    for (const [layer, of] of whole.stats) {
      for (const need of NEEDS) {
        const sum = parts.reduce<number[]>((total, { stats }) => {
          const values = stats.get(layer)?.get(need).squares as Float64Array;
          return Array.from(values, (value, i) => (total[i] ?? 0) + value);
        }, []);
        expect(relative(of.get(need).squares, sum), `${layer} ${need.id}`).toBeLessThan(1e-5);
        expect(kept.stats.get(layer)?.get(need)).toEqual(of.get(need));
      }
    }
  });

  it("grows as the square of the loss, and does not count predictions without weight", async () => {
    const [first] = sequences as [TokenSequence];
    const half = { ids: first.ids, weights: first.weights.map(() => 0.5) };
    const [one, other] = [await statsOf(engine, [first]), await statsOf(engine, [half])];
    expect(other.loss).toBeCloseTo(one.loss, 6);
    for (const [layer, of] of one.stats) {
      const scaled = (of.get(fisher).squares as Float64Array).map((value) => value / 4);
      expect(relative(other.stats.get(layer)?.get(fisher).squares, scaled)).toBeLessThan(1e-5);
      expect(other.stats.get(layer)?.get(fisher).weight?.[0]).toBeCloseTo((of.get(fisher).weight?.[0] as number) / 2, 6);
    }
    // A tail that is not predicted is as if it were not there: nothing of the loss attends to it.
    const cut = { ids: first.ids.slice(0, 12), weights: first.weights.slice(0, 12) };
    const unweighed = { ids: first.ids, weights: first.weights.map((weight, t) => (t < 12 ? weight : 0)) };
    const [short, long] = [await statsOf(engine, [cut]), await statsOf(engine, [unweighed])];
    for (const [layer, of] of short.stats)
      expect(relative(long.stats.get(layer)?.get(outputGradient).squares, of.get(outputGradient).squares as Float64Array)).toBeLessThan(
        1e-4,
      );
  });

  it("counts a token without weight where weighed ones attend to it", async () => {
    const [first] = sequences as [TokenSequence];
    const answer = { ids: first.ids, weights: first.weights.map((weight, t) => (t < 20 ? 0 : weight)) };
    const { stats } = await statsOf(engine, [answer]);
    const values = stats.get("model.layers.0.self_attn.v_proj.weight")?.get(outputGradient).squares as Float64Array;
    const only = { ids: first.ids.slice(19), weights: first.weights.slice(19) };
    const alone = (await statsOf(engine, [only])).stats.get("model.layers.0.self_attn.v_proj.weight")?.get(outputGradient)
      .squares as Float64Array;
    expect(relative(values, alone)).toBeGreaterThan(0.1);
  });

  it("gives a layer whose output goes nowhere a gradient of zero", async () => {
    const config = tiny();
    const weights = randomWeights(config);
    weights.get("model.layers.1.mlp.down_proj.weight")?.fill(0);
    const dead = await engineOf(backend, config, weights);
    const { stats } = await statsOf(dead, sequences);
    for (const layer of ["gate_proj", "up_proj"])
      expect(
        stats
          .get(`model.layers.1.mlp.${layer}.weight`)
          ?.get(outputGradient)
          .squares?.every((value) => value === 0),
      ).toBe(true);
  });

  it("refuses a loss that is not finite and data without a weighed prediction", async () => {
    const config = tiny({ tie_word_embeddings: false });
    const weights = randomWeights(config);
    weights.get("lm_head.weight")?.fill(Number.NaN, 0, 1);
    const broken = await engineOf(backend, config, weights);
    expect(await failureOf(() => statsOf(broken, sequences))).toEqual([
      "numeric",
      "the loss on this data is NaN: what the model says of it is not finite",
    ]);
    const single = counting(randomIds(1, 40));
    expect(await failureOf(() => statsOf(engine, [single]))).toEqual([
      "data",
      "no token that is predicted has weight: there is no loss to take a gradient of",
    ]);
  });

  it("is refused for blocks that have none", async () => {
    const b = programBuilder({ hidden: 4 });
    const hidden = b.input("hidden", ["batch", "tokens", "hidden"]);
    const flat = b.build({ nextHidden: b.select(b.lessEqual(hidden, b.constant(0)), b.constant(0), b.constant(1)) });
    expect(await failureOf(() => backwardProgram(flat, false))).toEqual([
      "unsupported",
      "this architecture has no gradient of its loss: nextHidden of the program does not depend on hidden",
    ]);
  });

  it("leaves nothing on the backend", async () => {
    let held = 0;
    const counted = delegate(backend, {
      upload: (value) => {
        held++;
        return backend.upload(value);
      },
      run: async (executable, inputs, into = {}) => {
        const outputs = await backend.run(executable, inputs, into);
        held += Object.keys(outputs).filter((name) => !into[name]).length;
        return outputs;
      },
      release: (value) => {
        held--;
        backend.release(value);
      },
    });
    const own = await engineOf(counted, tiny());
    await statsOf(own, sequences);
    await own.release();
    expect(held).toBe(0);
  });
});

describe("regional gradients", () => {
  it("are those of the norm of a block's output, sequence by sequence", async () => {
    const backend = await BACKENDS.reference.make();
    const engine = await engineOf(backend, tiny());
    const sequences = [counting(randomIds(7, 40, 1)), counting(randomIds(5, 40, 2))];
    const block = engine.description.blocks[0] as (typeof engine.description.blocks)[number];
    const layer = "mlp.up_proj.weight";
    const weights = await loadWeights(engine, block.program, block.prefix);
    const stream = await embed(engine.model, engine.description, sequences, 1024);
    const stats = await collect(engine, block, weights, stream, {
      needs: [inputNorm, regionalGradient],
      linears: new Set([layer]),
      advance: true,
    });
    const { squares, weight } = (stats.get(layer) as RoleStats).get(regionalGradient);
    expect(weight?.[0]).toBe(2);

    const original = weights.tensors.get(layer)?.data as Float32Array;
    const normsWith = async (change: number, at: number): Promise<number[]> => {
      const changed = original.slice();
      changed[at] = (changed[at] as number) + change;
      weights.replace(layer, { dtype: "F32", shape: [48, 32], data: changed });
      const norms: number[] = [];
      for (const one of sequences) {
        const own = await embed(engine.model, engine.description, [one], 1024);
        await collect(engine, block, weights, own, { needs: [], linears: new Set(), advance: true });
        const [batch] = own.batches;
        const hidden = await own.store.load(batch?.states.get("hidden") as never);
        norms.push(Math.sqrt(hidden.reduce((sum, value) => sum + value * value, 0)));
      }
      return norms;
    };
    for (const at of [0, 100, 777, 1535]) {
      const step = 2 ** -6; // values are single precision: a small step would drown in their rounding
      const [up, down] = [await normsWith(step, at), await normsWith(-step, at)];
      const wanted = up.reduce((sum, norm, n) => sum + ((norm - (down[n] as number)) / (2 * step)) ** 2, 0);
      expect(squares?.[at]).toBeGreaterThan(0);
      expect(Math.abs((squares?.[at] as number) - wanted) / wanted, `weight ${at}`).toBeLessThan(0.02);
    }
    await backend.dispose();
  });
});

describeOnBackends("regional gradients", (make) => {
  it("do not count a sequence without weight", async () => {
    const backend = await make();
    const engine = await engineOf(backend, tiny());
    const block = engine.description.blocks[0] as (typeof engine.description.blocks)[number];
    const layer = "mlp.up_proj.weight";
    const weights = await loadWeights(engine, block.program, block.prefix);
    const sumsOf = async (sequences: readonly TokenSequence[]) => {
      const stream = await embed(engine.model, engine.description, sequences, 1024);
      const stats = await collect(engine, block, weights, stream, { needs: [regionalGradient], linears: new Set([layer]), advance: true });
      return (stats.get(layer) as RoleStats).get(regionalGradient);
    };
    const [one, silent] = [counting(randomIds(7, 40, 1)), counting(randomIds(7, 40, 2))];
    const alone = await sumsOf([one]);
    const both = await sumsOf([one, { ...silent, weights: silent.weights.map(() => 0) }]);
    expect(both.weight).toEqual(alone.weight);
    expect(distance(both.squares as Float64Array, alone.squares as Float64Array)).toBeLessThan(1e-5);
    weights.release();
    await backend.dispose();
  });
});
