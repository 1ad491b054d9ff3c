import type { Program } from "@secateur/graph";
import type { Backend, DeviceTensor, Executable, OpenModel } from "@secateur/kit";
import { COS, type ModelDescription, rotaryTables, SIN } from "@secateur/models";
import { f32 } from "@secateur/tensor";

/** Runs the programs of one model on one backend; compiled programs are kept until `release`. */
export interface Engine {
  readonly model: OpenModel;
  readonly description: ModelDescription;
  readonly backend: Backend;
  /** A program made ready; `exact` as in Backend's `compile`. */
  executable(program: Program, options?: { readonly exact?: boolean }): Promise<Executable>;
  /** Cosines and sines for sequences of this many tokens, as inputs of a block program; the caller releases them. */
  rotary(tokens: number): Readonly<Record<string, DeviceTensor>>;
  /** Frees the compiled programs on the backend. */
  release(): Promise<void>;
}

/** An engine for an opened and described model. The backend stays the caller's. */
export function createEngine(model: OpenModel, description: ModelDescription, backend: Backend): Engine {
  const executables = new Map<string, Promise<Executable>>();
  // Tables for the longest sequence so far, and some more: those of a shorter one are their first rows.
  let tables = rotaryTables(description.rotary, 0);
  return {
    model,
    description,
    backend,
    executable(program, { exact = false } = {}) {
      const key = JSON.stringify([exact, program]);
      const known = executables.get(key);
      if (known) return known;
      const made = backend.compile(program, { exact });
      executables.set(key, made);
      made.catch(() => executables.delete(key));
      return made;
    },
    rotary(tokens) {
      if (tokens > (tables.cos.shape[0] as number)) {
        tables = rotaryTables(description.rotary, Math.max(tokens, Math.min(2 * tokens, description.positions)));
      }
      const half = description.rotary.inverseFrequencies.length;
      const start = (table: Float32Array): DeviceTensor => backend.upload(f32([tokens, half], table.subarray(0, tokens * half)));
      return { [COS]: start(tables.cos.data), [SIN]: start(tables.sin.data) };
    },
    async release() {
      const made = [...executables.values()];
      executables.clear();
      for (const executable of made) await (await executable).release();
    },
  };
}
