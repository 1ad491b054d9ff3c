import { instrument, type Program, type Tap, TOKEN_WEIGHTS, tapOutput } from "@secateur/graph";
import { type DeviceTensor, type Need, type RoleStats, SecateurError } from "@secateur/kit";
import type { BlockDescription } from "@secateur/models";
import { sizeOf, tensor } from "@secateur/tensor";
import { type Engine, forward, type LoadedWeights, sumShape } from "./engine.ts";
import type { Stream } from "./stream.ts";

/** Statistics of a block's linear layers by weight name. Layers that read the same input share one object. */
export type BlockStats = ReadonlyMap<string, RoleStats>;

/** How a block's statistics are collected. */
export interface CollectOptions {
  readonly needs: readonly Need[];
  /** Only taps with one of these linear layers are read. */
  readonly linears: ReadonlySet<string>;
  /** Whether the stream moves on through the block with these weights; otherwise it stays before it. */
  readonly advance: boolean;
  readonly onBatch?: (tokens: number) => void;
  readonly signal?: AbortSignal;
}

/** Runs a stream through a block and sums the needed statistics at its taps, in double precision over batches. Throws SecateurError `numeric` when a sum is not finite. */
export async function collect(
  engine: Engine,
  block: Pick<BlockDescription, "program" | "prefix">,
  weights: LoadedWeights,
  stream: Stream,
  options: CollectOptions,
): Promise<BlockStats> {
  const taps = block.program.taps
    .map((tap, i) => ({ tap, i }))
    .filter(({ tap }) => tap.linears.some(({ weight }) => options.linears.has(weight)));
  if (options.needs.length === 0 || taps.length === 0) {
    if (options.advance) await forward(engine, block.program, weights, stream, pick(options));
    return new Map();
  }
  const program = tapProgram(block.program, taps, options);
  const sums = new Map<string, Float64Array>();
  for (const name of Object.keys(program.outputs)) {
    if (!(name in block.program.outputs)) sums.set(name, new Float64Array(sizeOf(sumShape(program, name))));
  }
  await forward(engine, program, weights, stream, {
    ...pick(options),
    inputs: (batch) => ({ [TOKEN_WEIGHTS]: tensor("F32", [batch.members.length, batch.tokens], batch.weights) }),
    collect: (outputs) => addUp(engine, outputs, sums),
  });
  const stats = new Map<string, RoleStats>();
  for (const { tap, i } of taps) {
    for (const { weight } of tap.linears) {
      const results = readTap(tap, i, weight, options.needs, program, sums);
      checkFinite(results, block.prefix + weight);
      stats.set(weight, { get: (need) => results.get(need.id) ?? missing(need) });
    }
  }
  return stats;
}

function pick({ onBatch, signal }: CollectOptions): Pick<CollectOptions, "onBatch" | "signal"> {
  return { ...(onBatch && { onBatch }), ...(signal && { signal }) };
}

function tapProgram(program: Program, taps: readonly { readonly i: number }[], { needs, advance }: CollectOptions): Program {
  const full = instrument(
    program,
    taps.map(({ i }) => ({ tap: i, reductions: needs })),
  );
  // A stream that stays needs no hidden states: what only they need is not computed.
  return advance
    ? full
    : { ...full, outputs: Object.fromEntries(Object.entries(full.outputs).filter(([name]) => !(name in program.outputs))) };
}

async function addUp(
  engine: Engine,
  outputs: Readonly<Record<string, DeviceTensor>>,
  sums: ReadonlyMap<string, Float64Array>,
): Promise<void> {
  for (const [name, sum] of sums) {
    const part = (await engine.backend.download(outputs[name] as DeviceTensor)).data as Float32Array; // statistics are F32
    for (let i = 0; i < part.length; i++) {
      const at = i % sum.length;
      sum[at] = (sum[at] as number) + (part[i] as number);
    }
  }
}

function readTap(
  tap: Tap,
  index: number,
  weight: string,
  needs: readonly Need[],
  program: Program,
  sums: ReadonlyMap<string, Float64Array>,
): Map<string, Record<string, Float64Array>> {
  const results = new Map<string, Record<string, Float64Array>>();
  const first = tap.linears[0]?.weight ?? weight;
  for (const need of needs) {
    const prefix = tapOutput(index, need, "", need.of === "input" ? first : weight);
    const entries = Object.keys(program.outputs).filter((name) => name.startsWith(prefix));
    results.set(need.id, Object.fromEntries(entries.map((name) => [name.slice(prefix.length), sums.get(name) as Float64Array])));
  }
  return results;
}

function checkFinite(results: ReadonlyMap<string, Readonly<Record<string, Float64Array>>>, tensorName: string): void {
  for (const sums of results.values()) {
    for (const values of Object.values(sums)) {
      const bad = values.findIndex((value) => !Number.isFinite(value));
      if (bad >= 0) {
        throw new SecateurError(
          "numeric",
          `the input of ${tensorName} has a sum that is ${values[bad]} (entry ${bad}): the model's activations are not finite on this data`,
          {
            where: { tensor: tensorName },
          },
        );
      }
    }
  }
}

function missing(need: Need): never {
  throw new SecateurError("unsupported", `the statistic ${need.id} was not collected`);
}
