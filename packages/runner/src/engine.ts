import type { Program } from "@secateur/graph";
import type { Backend, DeviceTensor, Executable, OpenModel } from "@secateur/kit";
import { COS, type ModelDescription, rotaryTables, SIN } from "@secateur/models";
import { type F32Tensor, f32 } from "@secateur/tensor";

/** Runs the programs of one model on one backend; compiled programs are kept until `release`. */
export interface Engine {
  readonly model: OpenModel;
  readonly description: ModelDescription;
  readonly backend: Backend;
  /** A program made ready; `exact` as in Backend's `compile`. */
  executable(program: Program, options?: { readonly exact?: boolean }): Promise<Executable>;
  /**
   * Cosines and sines for so many tokens, as inputs of a block program: of positions from 0 on, (tokens, headDim / 2), or of each sequence from its own start on,
   * (starts, tokens, headDim / 2). The caller releases them.
   */
  rotary(tokens: number, starts?: readonly number[]): Readonly<Record<string, DeviceTensor>>;
  /** Frees the compiled programs on the backend. */
  release(): Promise<void>;
}

/** An engine for an opened and described model. The backend stays the caller's. */
export function createEngine(model: OpenModel, description: ModelDescription, backend: Backend): Engine {
  const executables = new Map<string, Promise<Executable>>();
  const texts = new WeakMap<Program, string>(); // a program is written out once, not at every run
  const textOf = (program: Program): string => {
    const text = texts.get(program) ?? JSON.stringify(program);
    texts.set(program, text);
    return text;
  };
  // Tables for the longest sequence so far, and some more: those of a shorter one are their first rows.
  let tables = rotaryTables(description.rotary, 0);
  return {
    model,
    description,
    backend,
    executable(program, { exact = false } = {}) {
      const key = `${exact} ${textOf(program)}`;
      const known = executables.get(key);
      if (known) return known;
      const made = backend.compile(program, { exact });
      executables.set(key, made);
      made.catch(() => executables.delete(key));
      return made;
    },
    rotary(tokens, starts) {
      const most = Math.max(0, ...(starts ?? [])) + tokens;
      if (most > (tables.cos.shape[0] as number)) {
        tables = rotaryTables(description.rotary, Math.max(most, Math.min(2 * most, description.positions)));
      }
      const half = description.rotary.inverseFrequencies.length;
      const rows = (table: Float32Array): F32Tensor => {
        if (!starts) return f32([tokens, half], table.subarray(0, tokens * half));
        const data = new Float32Array(starts.length * tokens * half);
        for (const [b, start] of starts.entries()) data.set(table.subarray(start * half, (start + tokens) * half), b * tokens * half);
        return f32([starts.length, tokens, half], data);
      };
      return { [COS]: backend.upload(rows(tables.cos.data)), [SIN]: backend.upload(rows(tables.sin.data)) };
    },
    async release() {
      const made = [...executables.values()];
      executables.clear();
      for (const executable of made) await (await executable).release();
    },
  };
}
