import type { Program } from "@secateur/graph";
import { type DeviceTensor, SecateurError } from "@secateur/kit";
import { f32, type Tensor, toFloat32 } from "@secateur/tensor";
import type { Engine } from "./engine.ts";

/** The weights of a program, in the model's dtypes and on the backend. */
export interface LoadedWeights {
  /** By the names of the program. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly device: Readonly<Record<string, DeviceTensor>>;
  /** Puts another tensor in the place of one. */
  replace(name: string, value: Tensor): void;
  /** Frees all of the weights on the backend. */
  release(): void;
}

/** Reads the weights of a program, whose names follow `prefix` in the file, through `read`. When that fails, nothing stays on the backend. */
export async function loadWeights(
  engine: Engine,
  program: Program,
  prefix: string,
  read: (name: string) => Promise<Tensor> = (name) => engine.model.read(name),
): Promise<LoadedWeights> {
  const { backend } = engine;
  const tensors = new Map<string, Tensor>();
  const device: Record<string, DeviceTensor> = {};
  const upload = (value: Tensor): DeviceTensor => backend.upload(f32(value.shape, toFloat32(value)));
  const release = (): void => {
    for (const value of Object.values(device)) backend.release(value);
  };
  try {
    for (const { name } of program.weights) {
      const value = await read(prefix + name);
      tensors.set(name, value);
      device[name] = upload(value);
    }
  } catch (error) {
    release();
    throw error;
  }
  return {
    tensors,
    device,
    replace(name, value) {
      const old = device[name];
      if (!old) throw new SecateurError("internal", `the program has no weight ${name}`);
      tensors.set(name, value);
      device[name] = upload(value);
      backend.release(old);
    },
    release,
  };
}

/** Does a piece of work with the weights of a program, which are released when it ends, well or not. */
export async function withWeights<T>(
  engine: Engine,
  program: Program,
  prefix: string,
  work: (weights: LoadedWeights) => Promise<T>,
): Promise<T> {
  const weights = await loadWeights(engine, program, prefix);
  try {
    return await work(weights);
  } finally {
    weights.release();
  }
}
