import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cutAtTaps } from "@secateur/graph";
import { type Backend, gram, inputNorm } from "@secateur/kit";
import { HIDDEN } from "@secateur/models";
import { f32 } from "@secateur/tensor";
import { afterAll, beforeAll, expect, it } from "vitest";
import { collect, createStateStore, type Engine, embed, forward, hiddenOf, loadWeights, type StateStore } from "../src/index.ts";
import { describeOnBackends } from "./backends.ts";
import { counting, distance, engineOf, randomIds, tiny } from "./support.ts";

const SEQUENCES = [7, 9, 9].map((tokens, s) => counting(randomIds(tokens, 40, s)));
const LINEARS = new Set(["q", "k", "v", "o"].map((of) => `self_attn.${of}_proj.weight`).concat("mlp.down_proj.weight"));

/** Walks the first block in parts, with a chance to change weights at each cut, and gives its hidden states and statistics. */
async function inParts(engine: Engine, change: Readonly<Record<number, string>>, store?: StateStore) {
  const block = engine.description.blocks[0] as (typeof engine.description.blocks)[number];
  const stream = await embed(engine.model, engine.description, SEQUENCES, 20, store);
  const weights = await loadWeights(engine, block.program, block.prefix);
  const { cuts, rest } = cutAtTaps(block.program, [0, 1, 2, 3], [HIDDEN]);
  const stats = [];
  for (const [i, { program, carried }] of cuts.entries()) {
    const part = { program, prefix: block.prefix, carried };
    stats.push(...(await collect(engine, part, weights, stream, { needs: [inputNorm, gram], linears: LINEARS, advance: true })));
    const name = change[i];
    if (name) weights.replace(name, f32([32, 32], new Float32Array(32 * 32)));
  }
  await forward(engine, rest, weights, stream);
  weights.release();
  return { stats: new Map(stats), hidden: await Promise.all(stream.batches.map((batch) => hiddenOf(stream, batch))), stream };
}

/** The first block in one run, with a weight set to zero where one is named. */
async function whole(engine: Engine, zero?: string) {
  const block = engine.description.blocks[0] as (typeof engine.description.blocks)[number];
  const stream = await embed(engine.model, engine.description, SEQUENCES, 20);
  const weights = await loadWeights(engine, block.program, block.prefix);
  if (zero) weights.replace(zero, f32([32, 32], new Float32Array(32 * 32)));
  const stats = await collect(engine, block, weights, stream, { needs: [inputNorm, gram], linears: LINEARS, advance: true });
  weights.release();
  return { stats, hidden: await Promise.all(stream.batches.map((batch) => hiddenOf(stream, batch))) };
}

describeOnBackends("a block in parts", (make) => {
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

  it("gives the hidden states and statistics of the whole", async () => {
    const [parts, block] = [await inParts(engine, {}), await whole(engine)];
    for (const [i, values] of block.hidden.entries()) expect(distance(values, parts.hidden[i] ?? [])).toBeLessThan(1e-5);
    expect([...parts.stats.keys()].sort()).toEqual([...block.stats.keys()].sort());
    for (const layer of LINEARS) {
      const [a, b] = [parts.stats, block.stats].map((stats) => stats.get(layer)?.get(gram).gram ?? new Float64Array(0));
      const largest = Math.max(...(b ?? []));
      expect(distance(a ?? [], b ?? [])).toBeLessThan(1e-5 * largest);
    }
    expect([...(parts.stream.batches[0]?.states.keys() ?? [])]).toEqual([HIDDEN]);
  });

  it("has later layers see what a cut has changed, and earlier ones not", async () => {
    const o = "self_attn.o_proj.weight";
    const parts = await inParts(engine, { 1: o });
    const [dense, changed] = [await whole(engine), await whole(engine, o)];
    for (const [i, values] of changed.hidden.entries()) expect(distance(values, parts.hidden[i] ?? [])).toBeLessThan(1e-5);
    const squares = (stats: typeof dense.stats, layer: string) => stats.get(layer)?.get(inputNorm).squares ?? new Float64Array(0);
    expect(distance(squares(parts.stats, o), squares(dense.stats, o))).toBeLessThan(1e-4);
    const down = "mlp.down_proj.weight";
    expect(distance(squares(parts.stats, down), squares(changed.stats, down))).toBeLessThan(1e-4);
    expect(distance(squares(parts.stats, down), squares(dense.stats, down))).toBeGreaterThan(1e-3);
  });

  it("gives the same bits from a scratch file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "secateur-parts-"));
    const store = createStateStore({ memoryBytes: 3000, scratch: join(folder, "scratch") });
    const [kept, scratch] = [await inParts(engine, {}), await inParts(engine, {}, store)];
    expect(scratch.hidden).toEqual(kept.hidden);
    expect([...scratch.stats].map(([, stats]) => stats.get(gram))).toEqual([...kept.stats].map(([, stats]) => stats.get(gram)));
    await store.close();
    await rm(folder, { recursive: true });
  });
});
