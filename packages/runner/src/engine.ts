import { type Program, valueNamed } from "@secateur/graph";
import { type Backend, type DeviceTensor, type Executable, type OpenModel, SecateurError, throwIfCancelled } from "@secateur/kit";
import { COS, HIDDEN, type ModelDescription, NEXT_HIDDEN, rotaryTables, SIN } from "@secateur/models";
import { f32, type Tensor, toFloat32 } from "@secateur/tensor";
import type { Stream, StreamBatch } from "./stream.ts";

/** Runs the programs of one model on one backend; compiled programs and rotary tables are kept until `release`. */
export interface Engine {
  readonly model: OpenModel;
  readonly description: ModelDescription;
  readonly backend: Backend;
  executable(program: Program): Promise<Executable>;
  /** Cosines and sines for sequences of this many tokens, as inputs of a block program. */
  rotary(tokens: number): Readonly<Record<string, DeviceTensor>>;
  release(): Promise<void>;
}

/** An engine for an opened and described model. The backend stays the caller's. */
export function createEngine(model: OpenModel, description: ModelDescription, backend: Backend): Engine {
  const executables = new Map<string, Promise<Executable>>();
  const tables = new Map<number, Record<string, DeviceTensor>>();
  return {
    model,
    description,
    backend,
    executable(program) {
      const key = JSON.stringify(program);
      const known = executables.get(key);
      if (known) return known;
      const made = backend.compile(program);
      executables.set(key, made);
      return made;
    },
    rotary(tokens) {
      let table = tables.get(tokens);
      if (!table) {
        const { cos, sin } = rotaryTables(description.rotary, tokens);
        table = { [COS]: backend.upload(cos), [SIN]: backend.upload(sin) };
        tables.set(tokens, table);
      }
      return table;
    },
    async release() {
      for (const executable of executables.values()) await (await executable).release();
      for (const table of tables.values()) for (const value of Object.values(table)) backend.release(value);
      executables.clear();
      tables.clear();
    },
  };
}

/** The weights of a program, in the model's dtypes and on the backend. */
export interface LoadedWeights {
  /** By the names of the program. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly device: Readonly<Record<string, DeviceTensor>>;
  /** Puts another tensor in the place of one. */
  replace(name: string, value: Tensor): void;
  release(): void;
}

/** Reads the weights of a program, whose names follow `prefix` in the file, through `read`. */
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
  for (const { name } of program.weights) {
    const value = await read(prefix + name);
    tensors.set(name, value);
    device[name] = upload(value);
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
    release() {
      for (const value of Object.values(device)) backend.release(value);
    },
  };
}

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
  // One buffer of each size is spare: a batch is written into it, and its old buffer is the next spare.
  const spares = new Map<number, Float32Array>();
  for (const batch of stream.batches) {
    throwIfCancelled(options.signal);
    const shape = [batch.members.length, batch.tokens, engine.description.hidden];
    const own = Object.entries(options.inputs?.(batch) ?? {}).map(([name, value]) => [name, backend.upload(value)] as const);
    const hidden = backend.upload(f32(shape, batch.hidden));
    const spare = spares.get(batch.hidden.length) ?? new Float32Array(moves ? batch.hidden.length : 0);
    const target = moves ? { [NEXT_HIDDEN]: backend.upload(f32(shape, spare)) } : {};
    const rotary = program.inputs.some(({ name }) => name === COS) ? engine.rotary(batch.tokens) : {};
    const outputs = await backend.run(executable, { [HIDDEN]: hidden, ...rotary, ...weights.device, ...Object.fromEntries(own) }, target);
    const { [NEXT_HIDDEN]: moved, ...others } = outputs;
    await options.collect?.(others);
    if (moved) {
      const result = (await backend.download(moved)).data as Float32Array; // hidden states are F32
      spares.set(batch.hidden.length, batch.hidden);
      batch.hidden = result;
    }
    for (const value of [hidden, ...own.map(([, value]) => value), ...Object.values(outputs)]) backend.release(value);
    options.onBatch?.(batch.members.length * batch.tokens);
  }
}

/** The shape of a program's output without its leading `batch` axis, when every other axis is known. */
export function sumShape(program: Program, output: string): readonly number[] {
  const shape = valueNamed(program, program.outputs[output] as string).shape;
  return (shape[0] === "batch" ? shape.slice(1) : shape).map((dim) => {
    if (typeof dim !== "number")
      throw new SecateurError("plugin", `a statistic keeps the axis ${dim}: only a leading batch axis is summed over`);
    return dim;
  });
}
