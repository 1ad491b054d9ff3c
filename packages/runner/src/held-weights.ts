import { costOf, type Program } from "@secateur/graph";
import type { Engine } from "./engine.ts";
import { type DeviceWeights, uploadWeights } from "./weights.ts";

/** Weights that stay on the backend between uses, as long as there is room for them. */
export interface HeldWeights {
  /** Does a piece of work with the weights of a program, whose names follow `prefix` in the file: held ones, or such as are read for it and go when it ends. */
  with<T>(program: Program, prefix: string, work: (weights: DeviceWeights) => Promise<T>): Promise<T>;
  /** Frees what is held. */
  release(): void;
}

// 4 GiB: a model of a thousand million weights.
const BYTES = 4 * 2 ** 30;

/** Holds the first weights that are asked for, up to so many bytes in single precision, 4 GiB when left out; all others are read again each time. */
export function holdWeights(engine: Engine, bytes: number = BYTES): HeldWeights {
  const held = new Map<string, DeviceWeights>();
  let room = bytes;
  return {
    async with(program, prefix, work) {
      const known = held.get(prefix);
      if (known) return work(known);
      const weights = await uploadWeights(engine, program, prefix);
      const size = bytesOf(program);
      if (size <= room) {
        room -= size;
        held.set(prefix, weights);
        return work(weights);
      }
      try {
        return await work(weights);
      } finally {
        weights.release();
      }
    },
    release() {
      for (const weights of held.values()) weights.release();
      held.clear();
      room = bytes;
    },
  };
}

function bytesOf(program: Program): number {
  return costOf({ ...program, inputs: [], ops: [], outputs: {} }, {}).weightBytes;
}
