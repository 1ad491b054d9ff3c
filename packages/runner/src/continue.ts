import { type CachedProgram, cachedProgram, KEYS, type Program, VALUES } from "@secateur/graph";
import type { BlockDescription } from "@secateur/models";
import type { Engine } from "./engine.ts";
import { forward } from "./forward.ts";
import { type KeyValues, pastInputs } from "./key-values.ts";
import type { Stream, StreamBatch } from "./stream.ts";
import type { DeviceWeights } from "./weights.ts";

/** What a batch's tokens gave attention to read: keys and values (members, tokens, kvHeads·headDim). The memory is used again. */
type TakeKeyValues = (given: { readonly [KEYS]: Float32Array; readonly [VALUES]: Float32Array }, batch: StreamBatch) => void;

/** How a stream passes a block whose keys and values are kept. */
export interface ContinueOptions {
  /** What stands before the tokens of a batch's members, one sequence each; nothing when left out. */
  readonly past?: (batch: StreamBatch) => KeyValues;
  readonly take?: TakeKeyValues;
  /** Where the memory of what is taken is kept for the next call. */
  readonly memory?: Map<string, Float32Array>;
  readonly signal?: AbortSignal | undefined;
}

// A program's derivations: the blocks of a model share a program.
const derived = new WeakMap<Program, CachedProgram>();

/** A block's programs with a cache. */
export function cachedOf({ program }: BlockDescription): CachedProgram {
  const known = derived.get(program) ?? cachedProgram(program);
  derived.set(program, known);
  return known;
}

/** Sends a stream of tokens through a block, after what stands before them; the block's program serves where nothing does and nothing is kept. */
export async function forwardAfter(
  engine: Engine,
  block: BlockDescription,
  weights: DeviceWeights,
  stream: Stream,
  { past, take, memory, signal }: ContinueOptions,
): Promise<void> {
  const cached = cachedOf(block);
  const program = past ? cached.next : take ? cached.first : block.program;
  const { backend } = engine;
  const pasts = new Map<StreamBatch, KeyValues>();
  const pastOf = (batch: StreamBatch): KeyValues => {
    const known = pasts.get(batch) ?? (past as NonNullable<typeof past>)(batch); // asked for where there is one
    pasts.set(batch, known);
    return known;
  };
  await forward(engine, program, weights, stream, {
    ...(past && {
      starts: (batch) => pastOf(batch).lengths,
      inputs: (batch) => pastInputs(cached, pastOf(batch), batch.tokens, block.window),
    }),
    async collect(outputs, batch) {
      pasts.delete(batch);
      if (!take) return;
      const [keys, values] = [outputs[KEYS], outputs[VALUES]] as [(typeof outputs)[string], (typeof outputs)[string]]; // the program gives both
      const given = { [KEYS]: (await backend.download(keys)).data, [VALUES]: (await backend.download(values)).data };
      take(given as Parameters<TakeKeyValues>[0], batch); // F32 by the program
    },
    ...(memory && { memory }),
    ...(signal && { signal }),
  });
}
