import type { Program } from "@secateur/graph";
import { type DeviceTensor, SecateurError } from "@secateur/kit";
import { f32, type Tensor, toFloat32 } from "@secateur/tensor";
import type { Engine } from "./engine.ts";

/** The weights of a program on the backend, by the names of the program. */
export interface DeviceWeights {
  readonly device: Readonly<Record<string, DeviceTensor>>;
  /** Frees all of them. */
  release(): void;
}

/** The weights of a program, in the model's dtypes too. */
export interface LoadedWeights extends DeviceWeights {
  /** By the names of the program. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Puts another tensor in the place of one. */
  replace(name: string, value: Tensor): void;
}

/** Reads a tensor of the model by its name in the file. */
type Read = (name: string) => Promise<Tensor>;

/** Reads the weights of a program, whose names follow `prefix` in the file, through `read`. When that fails, nothing stays on the backend. */
export async function loadWeights(
  engine: Engine,
  program: Program,
  prefix: string,
  read: Read = (name) => engine.model.read(name),
): Promise<LoadedWeights> {
  const tensors = new Map<string, Tensor>();
  const device: Record<string, DeviceTensor> = {};
  const { release } = await fill(device, engine, program, prefix, async (name) => {
    const value = await read(name);
    tensors.set(name.slice(prefix.length), value);
    return value;
  });
  return {
    tensors,
    device,
    replace(name, value) {
      const old = device[name];
      if (!old) throw new SecateurError("internal", `the program has no weight ${name}`);
      tensors.set(name, value);
      device[name] = onDevice(engine, value);
      engine.backend.release(old);
    },
    release,
  };
}

/** The same on the backend alone: what has been read is not kept in the model's dtypes. */
export function uploadWeights(engine: Engine, program: Program, prefix: string): Promise<DeviceWeights> {
  return fill({}, engine, program, prefix, (name) => engine.model.read(name));
}

async function fill(
  device: Record<string, DeviceTensor>,
  engine: Engine,
  program: Program,
  prefix: string,
  read: Read,
): Promise<DeviceWeights> {
  const release = (): void => {
    for (const value of Object.values(device)) engine.backend.release(value);
  };
  try {
    for (const { name } of program.weights) device[name] = onDevice(engine, await read(prefix + name));
  } catch (error) {
    release();
    throw error;
  }
  return { device, release };
}

function onDevice({ backend }: Engine, value: Tensor): DeviceTensor {
  return backend.upload(f32(value.shape, toFloat32(value)));
}

/** Does a piece of work with the weights of a program, which are released when it ends, well or not. */
export async function withWeights<T>(
  engine: Engine,
  program: Program,
  prefix: string,
  work: (weights: DeviceWeights) => Promise<T>,
): Promise<T> {
  const weights = await uploadWeights(engine, program, prefix);
  try {
    return await work(weights);
  } finally {
    weights.release();
  }
}
