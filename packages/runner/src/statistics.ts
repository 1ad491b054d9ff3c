import { keepOutputs, type Tap, TOKEN_WEIGHTS, tapOutput } from "@secateur/graph";
import { type DeviceTensor, type Need, type RoleStats, SecateurError } from "@secateur/kit";
import type { BlockDescription } from "@secateur/models";
import { f32, firstNotFinite, sizeOf, tensor } from "@secateur/tensor";
import type { Engine } from "./engine.ts";
import { type ForwardOptions, forward } from "./forward.ts";
import { REGIONAL_GRADIENT } from "./regional.ts";
import type { Stream } from "./stream.ts";
import { collectProgram, sumShape, tapsOf } from "./tap-program.ts";
import type { LoadedWeights } from "./weights.ts";

/** Statistics of a block's linear layers by weight name. Layers that read the same input share its sums. */
export type BlockStats = ReadonlyMap<string, RoleStats>;

/** How a block's statistics are collected. */
export interface CollectOptions {
  readonly needs: readonly Need[];
  /** Only taps with one of these linear layers are read. */
  readonly linears: ReadonlySet<string>;
  /** Whether the stream moves on with these weights; otherwise it stays where it is. */
  readonly advance: boolean;
  /** Memory of an earlier call to use again, whose statistics are not read any more. */
  readonly memory?: CollectMemory;
  /** Called after each batch with its tokens, padding included. */
  readonly onBatch?: (tokens: number) => void;
  readonly signal?: AbortSignal;
}

/** What statistics are summed in, by the names and sizes of the sums. */
export interface CollectMemory {
  readonly batch: Map<string, Float32Array>;
  readonly sums: Map<string, Float64Array>;
}

/** A block, or the part of one before a cut, with the values that it carries on (see `cutAtTaps` of @secateur/graph). */
export type Part = Pick<BlockDescription, "program" | "prefix"> & Pick<ForwardOptions, "carried" | "becomes">;

/** Runs a stream through a block or a part of one and sums the needed statistics at its taps, in double precision over batches. Throws SecateurError `numeric` when a sum is not finite. */
export async function collect(
  engine: Engine,
  part: Part,
  weights: LoadedWeights,
  stream: Stream,
  options: CollectOptions,
): Promise<BlockStats> {
  const { prefix, carried, becomes } = part;
  const { needs, linears, advance } = options;
  const moving: ForwardOptions = { ...(advance && { ...(carried && { carried }), ...(becomes && { becomes }) }), ...pick(options) };
  if (needs.length === 0 || tapsOf(part.program, linears).length === 0) {
    const plain = keepOutputs(part.program, () => true);
    if (advance) await forward(engine, plain, weights, stream, moving);
    return new Map();
  }
  const program = collectProgram(part.program, linears, needs, advance);
  const regional = needs.some((need) => need.of === "regional");
  const sums = new Map<string, Float64Array>();
  for (const name of program.sums ?? []) {
    const size = sizeOf(sumShape(program, name));
    const place = `${name} ${size}`;
    const sum = options.memory?.sums.get(place)?.fill(0) ?? new Float64Array(size);
    options.memory?.sums.set(place, sum);
    sums.set(name, sum);
  }
  await forward(engine, program, weights, stream, {
    ...moving,
    ...(options.memory && { memory: options.memory.batch }),
    inputs: ({ members, tokens, weights: weigh }) => ({
      [TOKEN_WEIGHTS]: tensor("F32", [members.length, tokens], weigh),
      ...(regional && { [REGIONAL_GRADIENT]: f32([members.length], new Float32Array(members.length).fill(1)) }),
    }),
    collect: (outputs) => addUp(engine, outputs, sums),
  });
  const { taps } = part.program;
  return new Map(tapsOf(part.program, linears).flatMap((i) => tapStats(taps[i] as Tap, i, needs, sums, prefix)));
}

function pick({ onBatch, signal }: CollectOptions): Pick<CollectOptions, "onBatch" | "signal"> {
  return { ...(onBatch && { onBatch }), ...(signal && { signal }) };
}

async function addUp(
  engine: Engine,
  outputs: Readonly<Record<string, DeviceTensor>>,
  sums: ReadonlyMap<string, Float64Array>,
): Promise<void> {
  for (const [name, sum] of sums) {
    const part = (await engine.backend.download(outputs[name] as DeviceTensor)).data as Float32Array; // statistics are F32
    for (let start = 0; start < part.length; start += sum.length) {
      for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (part[start + i] as number);
    }
  }
}

/** The statistics of the linear layers of one tap, from the sums by output name. */
function tapStats(
  tap: Tap,
  index: number,
  needs: readonly Need[],
  sums: ReadonlyMap<string, Float64Array>,
  prefix: string,
): [weight: string, RoleStats][] {
  const read = (need: Need, weight: string): [id: string, Readonly<Record<string, Float64Array>>] => {
    const start = tapOutput(index, need, "", weight);
    const own = [...sums].flatMap(([name, sum]) => (name.startsWith(start) ? [[name.slice(start.length), sum] as const] : []));
    checkFinite(own, need, prefix + weight);
    return [need.id, Object.fromEntries(own)];
  };
  const first = tap.linears[0]?.weight ?? "";
  const shared = needs.filter((need) => need.of === "input").map((need) => read(need, first));
  if (shared.length === needs.length) {
    const together = statsOf(shared); // one object, so that what is derived from it is known again
    return tap.linears.map(({ weight }) => [weight, together]);
  }
  return tap.linears.map(({ weight }) => {
    const own = needs.filter((need) => need.of !== "input").map((need) => read(need, weight));
    return [weight, statsOf([...shared, ...own])];
  });
}

function statsOf(results: readonly (readonly [id: string, sums: Readonly<Record<string, Float64Array>>])[]): RoleStats {
  const known = new Map(results);
  return { get: (need) => known.get(need.id) ?? missing(need) };
}

const WHAT = { input: "input", output: "output", gradient: "loss's gradient at the output", regional: "regional gradient at the output" };

function checkFinite(sums: Iterable<readonly [sum: string, values: Float64Array]>, need: Need, tensorName: string): void {
  for (const [sum, values] of sums) {
    const bad = firstNotFinite(values);
    if (bad < 0) continue;
    const what = `the ${WHAT[need.of]} of ${tensorName} has ${need.id} "${sum}" ${values[bad]} at entry ${bad}`;
    throw new SecateurError("numeric", `${what}: the model's activations on this data are not finite, or too large to sum`, {
      where: { tensor: tensorName },
    });
  }
}

function missing(need: Need): never {
  throw new SecateurError("unsupported", `the statistic ${need.id} was not collected`);
}
