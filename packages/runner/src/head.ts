import { throwIfCancelled } from "@secateur/kit";
import { HIDDEN, TARGET } from "@secateur/models";
import { f32, tensor } from "@secateur/tensor";
import type { Engine } from "./engine.ts";
import { withHeld } from "./held.ts";
import type { DeviceWeights } from "./weights.ts";

// Logits are computed for so few tokens at a time that they stay below this many numbers.
const LOGITS = 1 << 24;

/** How many tokens pass the head at a time. */
export function headTokens(vocabulary: number): number {
  return Math.max(1, Math.floor(LOGITS / vocabulary));
}

/** The logits of hidden states (rows, hidden) after the last block, some rows at a time: `take` is given those of the rows from one on, (some rows, vocabulary). */
export async function runLogits(
  engine: Engine,
  weights: DeviceWeights,
  states: Float32Array,
  take: (logits: Float32Array, row: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const { backend, description } = engine;
  const width = description.hidden;
  const executable = await engine.executable(description.head.logits, { exact: true }); // thousands of logits compete by small differences
  const [size, rows] = [states.length / width, headTokens(description.vocabulary)];
  for (let at = 0; at < size; at += rows) {
    throwIfCancelled(signal);
    const end = Math.min(at + rows, size);
    await withHeld(backend, async (hold) => {
      const hidden = hold(backend.upload(f32([1, end - at, width], states.subarray(at * width, end * width))));
      const { logits } = await backend.run(executable, { [HIDDEN]: hidden, ...weights.device });
      take((await backend.download(hold(logits as typeof hidden))).data as Float32Array, at); // F32 by the program
    });
  }
}

/**
 * What the head says of hidden states (tokens, hidden) after the last block: −log p of each one's target (tokens), and the likeliest token to follow it (tokens).
 * Logits are neither kept nor copied off the backend.
 */
export async function runHead(
  engine: Engine,
  weights: DeviceWeights,
  states: Float32Array,
  targets: Int32Array,
  signal?: AbortSignal,
): Promise<{ readonly loss: Float32Array; readonly best: Int32Array }> {
  const { backend, description } = engine;
  const width = description.hidden;
  const executable = await engine.executable(description.head.loss, { exact: true }); // thousands of logits compete by small differences
  const [size, rows] = [targets.length, headTokens(description.vocabulary)];
  const [loss, best] = [new Float32Array(size), new Int32Array(size)];
  for (let at = 0; at < size; at += rows) {
    throwIfCancelled(signal);
    const end = Math.min(at + rows, size);
    await withHeld(backend, async (hold) => {
      const hidden = hold(backend.upload(f32([1, end - at, width], states.subarray(at * width, end * width))));
      const target = hold(backend.upload(tensor("I32", [1, end - at], targets.subarray(at, end))));
      const outputs = await backend.run(executable, { [HIDDEN]: hidden, [TARGET]: target, ...weights.device });
      for (const value of Object.values(outputs)) hold(value);
      loss.set((await backend.download(outputs.loss as typeof hidden)).data as Float32Array, at); // F32 by the program
      best.set((await backend.download(outputs.best as typeof hidden)).data as Int32Array, at); // I32 by the program
    });
  }
  return { loss, best };
}
