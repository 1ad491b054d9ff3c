import { createOnnxRuntimeBackend } from "@secateur/backend-onnxruntime";
import { safetensors } from "@secateur/format-safetensors";
import { gradientName, keepOutputs } from "@secateur/graph";
import { describeModel, HIDDEN, NEXT_HIDDEN } from "@secateur/models";
import { backwardProgram, createEngine, embed, forward, hiddenOf, loadWeights } from "@secateur/runner";
import { median } from "./figures.ts";
import { nanoseconds } from "./throughput.ts";

const ROUNDS = 7;

/** How many times the time of a block's forward pass its backward pass takes, what it computes again included: the median of both in turn, on ONNX Runtime's own kernels. */
export async function measureBackward(folder: string, rows: number, tokens: number): Promise<number> {
  const backend = await createOnnxRuntimeBackend({ provider: "cpu" });
  const model = await safetensors.open(folder);
  const description = describeModel(model);
  const engine = createEngine(model, description, backend);
  const block = description.blocks[1];
  if (!block) throw new Error("the model has no second block");
  const back = keepOutputs(backwardProgram(block.program, false), () => true);

  const ids = Int32Array.from({ length: tokens }, (_, i) => (i * 7919) % description.vocabulary);
  const sequences = Array.from({ length: rows }, () => ({ ids, weights: new Float32Array(tokens).fill(1) }));
  const stream = await embed(model, description, sequences, backend.preferredTokens);
  const weights = await loadWeights(engine, block.program, block.prefix);
  const gradient = gradientName(NEXT_HIDDEN);
  for (const batch of stream.batches) {
    const values = (await hiddenOf(stream, batch)).map((value) => value / 100);
    batch.states = new Map([...batch.states, [gradient, await stream.store.keep(values)]]);
  }
  const options = { becomes: { [gradientName(HIDDEN)]: gradient }, carried: [HIDDEN, gradient] };

  const ratios: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const there = await nanoseconds(() => forward(engine, block.program, weights, stream, { carried: [HIDDEN, gradient] }));
    const and = await nanoseconds(() => forward(engine, back, weights, stream, options));
    if (round > 0) ratios.push(and / there); // the first round warms up
  }
  weights.release();
  await engine.release();
  await backend.dispose();
  await model.close();
  return median(ratios);
}
