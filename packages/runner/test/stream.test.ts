import { createReferenceBackend } from "@secateur/backend-reference";
import { toFloat32 } from "@secateur/tensor";
import { afterAll, expect, it } from "vitest";
import { embed, hiddenOf, type StreamBatch } from "../src/index.ts";
import { counting, engineOf, failureOf, randomWeights, tiny } from "./support.ts";

const backend = createReferenceBackend();
afterAll(() => backend.dispose());

it("a stream holds each token's embedding, and zeros for padding, which has no weight", async () => {
  const weights = randomWeights(tiny());
  const { model, description } = await engineOf(backend, tiny(), weights, "BF16");
  const sequences = [counting(Int32Array.of(4)), { ids: Int32Array.of(7, 4, 39), weights: Float32Array.of(0.5, 0, 1) }];
  const stream = await embed(model, description, sequences, 64);
  const embedding = toFloat32(await model.read("model.embed_tokens.weight")); // (40, 32)
  const row = (id: number): number[] => [...embedding.subarray(id * 32, (id + 1) * 32)];
  const nothing = Array<number>(64).fill(0);
  const [batch] = stream.batches as [StreamBatch];
  expect(stream.batches).toEqual([
    {
      members: [1, 0],
      tokens: 3,
      lengths: [3, 1],
      ids: Int32Array.of(7, 4, 39, 4, 0, 0),
      weights: Float32Array.of(0.5, 0, 1, 1, 0, 0),
      states: batch.states,
    },
  ]);
  expect(await hiddenOf(stream, batch)).toEqual(Float32Array.from([...row(7), ...row(4), ...row(39), ...row(4), ...nothing]));
});

it("a stream of what the model cannot read is refused", async () => {
  const { model, description } = await engineOf(backend, tiny());
  expect(await failureOf(() => embed(model, description, [counting(Int32Array.of(1, 40))], 64))).toEqual([
    "data",
    "sequence 1 has token id 40, the model's vocabulary ends at 39",
  ]);
});
