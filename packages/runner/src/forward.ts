import type { Program } from "@secateur/graph";
import { type DeviceTensor, throwIfCancelled } from "@secateur/kit";
import { COS, HIDDEN, NEXT_HIDDEN } from "@secateur/models";
import { f32, type Tensor } from "@secateur/tensor";
import type { Engine } from "./engine.ts";
import { withHeld } from "./held.ts";
import type { Stream, StreamBatch } from "./stream.ts";
import type { LoadedWeights } from "./weights.ts";

/** How a stream is sent through a block. */
export interface ForwardOptions {
  /** Further inputs for a batch, such as token weights. */
  readonly inputs?: (batch: StreamBatch) => Readonly<Record<string, Tensor<"F32" | "I32">>>;
  /** What to do with the other outputs of a batch; they are released afterwards. */
  readonly collect?: (outputs: Readonly<Record<string, DeviceTensor>>) => Promise<void>;
  /** Called after each batch with its tokens, padding included. */
  readonly onBatch?: (tokens: number) => void;
  readonly signal?: AbortSignal;
}

/** Runs every batch of a stream through a program of a block; where the program gives hidden states, they take the place of the old ones. */
export async function forward(
  engine: Engine,
  program: Program,
  weights: LoadedWeights,
  stream: Stream,
  options: ForwardOptions = {},
): Promise<void> {
  const { backend } = engine;
  const executable = await engine.executable(program);
  const moves = NEXT_HIDDEN in program.outputs;
  const turns = program.inputs.some(({ name }) => name === COS);
  // One buffer of each size is spare: a batch is written into it, and its old buffer is the next spare.
  const spares = new Map<number, Float32Array>();
  for (const batch of stream.batches) {
    throwIfCancelled(options.signal);
    const size = batch.hidden.length;
    const shape = [batch.members.length, batch.tokens, engine.description.hidden];
    await withHeld(backend, async (hold) => {
      const inputs: Record<string, DeviceTensor> = { [HIDDEN]: hold(backend.upload(f32(shape, batch.hidden))) };
      for (const [name, value] of Object.entries(turns ? engine.rotary(batch.tokens) : {})) inputs[name] = hold(value);
      for (const [name, value] of Object.entries(options.inputs?.(batch) ?? {})) inputs[name] = hold(backend.upload(value));
      const target = moves ? { [NEXT_HIDDEN]: hold(backend.upload(f32(shape, spares.get(size) ?? new Float32Array(size)))) } : {};
      const outputs = await backend.run(executable, { ...inputs, ...weights.device }, target);
      for (const value of Object.values(outputs)) hold(value);
      const { [NEXT_HIDDEN]: moved, ...others } = outputs;
      await options.collect?.(others);
      if (!moved) return;
      const next = (await backend.download(moved)).data as Float32Array; // hidden states are F32
      spares.set(size, batch.hidden);
      batch.hidden = next;
    });
    options.onBatch?.(batch.members.length * batch.tokens);
  }
}
