import type { Backend } from "@secateur/kit";
import { HIDDEN } from "@secateur/models";
import { f32 } from "@secateur/tensor";
import { afterAll, beforeAll, expect, it } from "vitest";
import { cachedOf, forwardAfter } from "../src/continue.ts";
import { type Engine, embed, hiddenOf, loadWeights, logitsOf, type StreamBatch } from "../src/index.ts";
import { appendKeyValues, emptyKeyValues, gatherKeyValues } from "../src/key-values.ts";
import { describeOnBackends } from "./backends.ts";
import { counting, distance, engineOf, golden, goldenFolder, openEngine, randomIds, tiny } from "./support.ts";

/** The logits of each sequence, read in pieces that end at the given places: every piece after those before it. */
async function logitsInPieces(engine: Engine, sequences: readonly Int32Array[], ends: readonly number[], preferredTokens: number) {
  const { model, description, backend } = engine;
  const starts = [0, ...ends];
  const pieces = await Promise.all(
    starts.map(async (start, p) => {
      const left = [...sequences.keys()].filter((i) => (sequences[i] as Int32Array).length > start);
      const ids = left.map((i) => (sequences[i] as Int32Array).subarray(start, ends[p]));
      const stream = await embed(model, description, ids.map(counting), preferredTokens);
      return { start, stream, own: ({ members }: StreamBatch) => members.map((member) => left[member] as number) };
    }),
  );
  for (const block of description.blocks) {
    const weights = await loadWeights(engine, block.program, block.prefix);
    const sizes = cachedOf(block);
    const cache = emptyKeyValues(sizes, sequences.length, 30);
    for (const { start, stream, own } of pieces) {
      await forwardAfter(engine, block, weights, stream, {
        ...(start > 0 && {
          past: (batch) =>
            gatherKeyValues(
              sizes,
              own(batch).map((index) => ({ cache, index })),
              30,
            ),
        }),
        take: (given, batch) => appendKeyValues(sizes, cache, own(batch), given, batch.lengths),
      });
    }
    weights.release();
  }
  const width = description.hidden;
  const hidden = sequences.map(({ length }) => new Float32Array(length * width));
  for (const { start, stream, own } of pieces) {
    for (const batch of stream.batches) {
      const states = await hiddenOf(stream, batch);
      for (const [b, index] of own(batch).entries()) {
        const at = b * batch.tokens * width;
        hidden[index]?.set(states.subarray(at, at + (batch.lengths[b] as number) * width), start * width);
      }
    }
  }
  const head = description.head.logits;
  const weights = await loadWeights(engine, head, "");
  const executable = await engine.executable(head, { exact: true });
  const logits = [];
  for (const states of hidden) {
    const given = backend.upload(f32([1, states.length / width, width], states));
    const outputs = await backend.run(executable, { [HIDDEN]: given, ...weights.device });
    logits.push((await backend.download(outputs.logits as typeof given)).data as Float32Array);
  }
  weights.release();
  return logits;
}

describeOnBackends("sequences read in pieces", (make) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await make();
  });
  afterAll(() => backend.dispose());

  const expectSame = async (engine: Engine, sequences: readonly Int32Array[], logits: readonly Float32Array[]) => {
    for (const ends of [[1], [7, 8, 9], [16, 20]]) {
      for (const preferredTokens of [1, 64]) {
        const found = await logitsInPieces(engine, sequences, ends, preferredTokens);
        for (const [i, expected] of logits.entries()) expect(distance(found[i] ?? [], expected)).toBeLessThan(1e-4);
      }
    }
    await engine.release();
  };

  for (const model of ["llama", "mistral", "qwen2", "qwen3"]) {
    it(`have the logits of the golden ${model} within 1e-4`, async () => {
      const { ids, logits } = golden(model);
      await expectSame(await openEngine(backend, goldenFolder(model)), ids, logits);
    });
  }

  const configs: [string, Parameters<typeof tiny>[0]][] = [
    ["windows", { model_type: "mistral", sliding_window: 5 }],
    ["a window in its second block", { model_type: "qwen2", use_sliding_window: true, sliding_window: 4, max_window_layers: 1 }],
    ["one key for all heads", { num_key_value_heads: 1 }],
  ];
  for (const [kind, config] of configs) {
    it(`have the logits that they have as a whole, of several lengths, with ${kind}`, async () => {
      const engine = await engineOf(backend, tiny(config));
      const sequences = [24, 9, 17].map((tokens, s) => randomIds(tokens, 40, s));
      await expectSame(engine, sequences, await logitsOf(engine, sequences));
    });
  }
});
