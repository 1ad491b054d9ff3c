import { type Program, resolveDim, valueNamed } from "@secateur/graph";
import { type DeviceTensor, type Executable, throwIfCancelled } from "@secateur/kit";
import { COS, HIDDEN, NEXT_HIDDEN } from "@secateur/models";
import { f32, sizeOf, type Tensor } from "@secateur/tensor";
import type { Engine } from "./engine.ts";
import { withHeld } from "./held.ts";
import type { StateStore } from "./states.ts";
import type { Stream, StreamBatch } from "./stream.ts";
import type { DeviceWeights } from "./weights.ts";

/** How a stream is sent through a block, or a part of one. */
export interface ForwardOptions {
  /** The values that a part of a block carries on; without it only hidden states move, where the program gives them. */
  readonly carried?: readonly string[];
  /** Outputs that become a batch's states, by output name; left out, the hidden states that a block gives, and what is carried. */
  readonly becomes?: Readonly<Record<string, string>>;
  /** States that are replaced are not freed: whoever asks for it has taken them over. */
  readonly keep?: boolean;
  /** How many tokens stand before those of each member of a batch; none when left out. */
  readonly starts?: (batch: StreamBatch) => readonly number[];
  /** Further inputs for a batch, such as token weights. */
  readonly inputs?: (batch: StreamBatch) => Readonly<Record<string, Tensor<"F32" | "I32" | "BOOL">>>;
  /** What to do with the other outputs of a batch; they are released afterwards, and their memory is used for the next batch's. */
  readonly collect?: (outputs: Readonly<Record<string, DeviceTensor>>, batch: StreamBatch) => Promise<void>;
  /** Where the memory of these outputs is kept, for the next call too; each call has its own when left out. */
  readonly memory?: Map<string, Float32Array>;
  /** Called after each batch with its tokens, padding included. */
  readonly onBatch?: (tokens: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Runs every batch of a stream through a program of a block, or of a part of one. Where the program gives the block's hidden states, they take the place of
 * all that the batch was; a part's outputs that are `carried` come to its states, and what is not carried goes.
 */
export async function forward(
  engine: Engine,
  program: Program,
  weights: DeviceWeights,
  stream: Stream,
  options: ForwardOptions = {},
): Promise<void> {
  const executable = await engine.executable(program);
  const collected = options.memory ?? new Map<string, Float32Array>();
  for (const batch of stream.batches) {
    throwIfCancelled(options.signal);
    await withHeld(engine.backend, (hold) =>
      runBatch({ engine, program, executable, weights, store: stream.store, options, collected, hold }, batch),
    );
    options.onBatch?.(batch.members.length * batch.tokens);
  }
}

interface Run {
  readonly engine: Engine;
  readonly program: Program;
  readonly executable: Executable;
  readonly weights: DeviceWeights;
  readonly store: StateStore;
  readonly options: ForwardOptions;
  /** The memory of collected outputs, by name and size. */
  readonly collected: Map<string, Float32Array>;
  readonly hold: (value: DeviceTensor) => DeviceTensor;
}

async function runBatch({ engine, program, executable, weights, store, options, collected, hold }: Run, batch: StreamBatch): Promise<void> {
  const { backend } = engine;
  const before = batch.states;
  const sizes = { ...program.axes, batch: batch.members.length, tokens: batch.tokens };
  const shapeOf = (value: string): number[] => valueNamed(program, value).shape.map((dim) => resolveDim(dim, sizes));

  const inputs: Record<string, DeviceTensor> = {};
  for (const { name } of program.inputs) {
    const state = before.get(name);
    if (state) inputs[name] = hold(backend.upload(f32(shapeOf(name), await store.load(state))));
  }
  const turns = program.inputs.some(({ name }) => name === COS);
  for (const [name, value] of Object.entries(turns ? engine.rotary(batch.tokens, options.starts?.(batch)) : {})) inputs[name] = hold(value);
  for (const [name, value] of Object.entries(options.inputs?.(batch) ?? {})) inputs[name] = hold(backend.upload(value));

  // Output → the state that it becomes.
  const moves = Object.keys(program.outputs).flatMap((name): [string, string][] => {
    const state = options.becomes
      ? options.becomes[name]
      : name === NEXT_HIDDEN
        ? HIDDEN
        : options.carried?.includes(name)
          ? name
          : undefined;
    return state === undefined ? [] : [[name, state]];
  });
  const into: Record<string, DeviceTensor> = {};
  for (const [name] of moves) {
    const shape = shapeOf(program.outputs[name] as string); // the key is one of the outputs'
    into[name] = hold(backend.upload(f32(shape, store.buffer(sizeOf(shape)))));
  }
  const moving = new Set(moves.map(([name]) => name));
  for (const [name, value] of Object.entries(program.outputs)) {
    if (moving.has(name) || valueNamed(program, value).type !== "F32") continue;
    const shape = shapeOf(value);
    const place = `${name} ${sizeOf(shape)}`;
    const memory = collected.get(place) ?? new Float32Array(sizeOf(shape));
    collected.set(place, memory);
    into[name] = hold(backend.upload(f32(shape, memory)));
  }
  const outputs = await backend.run(executable, { ...inputs, ...weights.device }, into);
  for (const value of Object.values(outputs)) hold(value);
  await options.collect?.(Object.fromEntries(Object.entries(outputs).filter(([name]) => !moving.has(name))), batch);

  const results = new Map<string, Float32Array>();
  for (const [name, state] of moves) results.set(state, (await backend.download(outputs[name] as DeviceTensor)).data as Float32Array); // states are F32
  const carried = options.carried ?? (options.becomes || moves.length > 0 ? moves.map(([, state]) => state) : [...before.keys()]);
  const stays = (name: string): boolean => carried.includes(name) && !results.has(name);
  for (const [name, state] of before) {
    if (stays(name) || options.keep) store.unload(state);
    else store.free(state);
  }
  const after = new Map([...before].filter(([name]) => stays(name)));
  for (const [name, values] of results) after.set(name, await store.keep(values));
  batch.states = after;
}
