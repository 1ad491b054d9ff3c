import { costOf, type Program, resolveShape, valueNamed } from "@secateur/graph";
import type { Need, OpenModel } from "@secateur/kit";
import type { ModelDescription } from "@secateur/models";
import { collectProgram, type Part, planBatches } from "@secateur/runner";
import { byteSize } from "@secateur/tensor";
import type { RoleData, RoleFacts } from "./data.ts";
import { layersOf, type Passes } from "./passes.ts";
import type { Section } from "./targets.ts";

/** What a run costs, told from shapes alone. */
export interface Estimate {
  /** Floating-point operations of the passes of all data through the sections. */
  readonly flops: number;
  /** Peak memory. */
  readonly memoryBytes: number;
  /** The output. */
  readonly diskBytes: number;
  /** Hidden states that memory cannot hold, on disk while the run lasts. */
  readonly scratchBytes: number;
  /** Tokens through sections over the whole run, padding included. */
  readonly work: number;
}

/** What an estimate reads of a plan. */
export interface EstimateInput {
  readonly model: OpenModel;
  readonly description: ModelDescription;
  readonly sections: readonly Section[];
  readonly needs: readonly Need[];
  /** The roles whose sums are held. */
  readonly roles: readonly RoleFacts[];
  /** The data that passes the model. */
  readonly data: readonly RoleData[];
  /** The passes that the data makes; none where statistics are read from a file. */
  readonly passes: readonly Passes[];
  readonly preferredTokens: number;
  readonly memoryBytes: number;
}

// Node, the runtime and its libraries before any model is opened; seen on Linux.
const BASE_BYTES = 200 * 2 ** 20;
// What a batch leaves behind is collected late: peaks of up to twice what is alive were seen, more with large sums.
const COLLECTOR = 2.25;

/** Estimates a run's operations, memory, disk and work. */
export function estimate({
  model,
  description,
  sections,
  needs,
  roles,
  data,
  passes,
  preferredTokens,
  memoryBytes,
}: EstimateInput): Estimate {
  const tapped = passes.map(({ steps }) => steps.map((step) => collectProgram(step.part.program, layersOf(step), needs, step.advance)));
  const programs = passes.flatMap(({ rest }, i) => [...(tapped[i] ?? []), ...(rest ? [rest] : [])]);
  const { flops, tokens, activations } = costOfPasses(programs, data, preferredTokens);
  const counted = passes.reduce((sum, { steps, share, rest }) => sum + share * (steps.length + (rest ? 1 : 0)), 0);
  const steps = passes.flatMap((one) => one.steps);
  const states = tokens * Math.max(4 * description.hidden, ...steps.map(({ part }) => carriedBytes(part)));
  // A step's sums are held for every role, and once more for what a fusion pools; a solver factors a matrix of the largest's size in a few copies.
  const sums = tapped.flat().map(sumBytes);
  const held = Math.max(0, ...sums.map(({ all, largest }) => all * (roles.length + (roles.length > 1 ? 1 : 0)) + 3 * largest));
  const weightBytes = Math.max(...sections.map(({ program }) => costOf(program, { batch: 1, tokens: 1 }).weightBytes));
  return {
    flops,
    work: Math.round(tokens * counted),
    memoryBytes: peakOf({ states: Math.min(states, memoryBytes), sums: held, activations, weightBytes }),
    diskBytes: outputBytes(model, sections, roles.length),
    scratchBytes: Math.max(0, states - memoryBytes),
  };
}

/** What sending data through some programs costs: operations, the bytes of the largest set of values alive at once, and the tokens of one pass, padding included. */
export function costOfPasses(
  programs: readonly Program[],
  data: readonly RoleData[],
  preferredTokens: number,
): { flops: number; tokens: number; activations: number } {
  // Blocks share programs and batches share shapes: each pair is costed once.
  const distinct = tally(programs, (program) => JSON.stringify(program));
  const batches = data.flatMap(({ sequences }) => {
    const lengths = sequences.map(({ ids }) => ids.length);
    return planBatches(lengths, preferredTokens).map(({ members, tokens }) => ({ batch: members.length, tokens }));
  });
  let [flops, tokens, activations] = [0, 0, 0];
  for (const { item: size, count } of tally(batches, ({ batch, tokens: length }) => `${batch} ${length}`)) {
    for (const { item: program, count: runs } of distinct) {
      const cost = costOf(program, size);
      flops += cost.flops * runs * count;
      activations = Math.max(activations, cost.peakBytes);
    }
    tokens += size.batch * size.tokens * count;
  }
  return { flops, tokens, activations };
}

/** The peak memory of a run that holds so many bytes at a time. */
export function peakOf(held: {
  readonly states: number;
  readonly sums: number;
  readonly activations: number;
  readonly weightBytes: number;
}): number {
  const { states, sums, activations, weightBytes } = held;
  return Math.round(BASE_BYTES + COLLECTOR * (states + sums + 2 * activations + 3 * weightBytes));
}

/** The items that differ by key, and how often each occurs. */
function tally<Item>(items: readonly Item[], keyOf: (item: Item) => string): { item: Item; count: number }[] {
  const counts = new Map<string, { item: Item; count: number }>();
  for (const item of items) {
    const key = keyOf(item);
    const known = counts.get(key);
    if (known) known.count++;
    else counts.set(key, { item, count: 1 });
  }
  return [...counts.values()];
}

/** The bytes that a token's values take past a cut. */
function carriedBytes({ program, carried = [] }: Part): number {
  const axes = { ...program.axes, batch: 1, tokens: 1 };
  return carried.reduce((sum, name) => sum + 4 * resolveShape(valueNamed(program, name).shape, axes).reduce((a, b) => a * b, 1), 0);
}

/** The bytes of a program's sums in double precision, for one role, and of the largest of them. */
export function sumBytes(program: Program): { all: number; largest: number } {
  const sizes = Object.values(program.outputs).map((value) => {
    const { shape } = valueNamed(program, value);
    return shape.reduce<number>((size, dim) => size * (typeof dim === "number" ? dim : 1), 8);
  });
  return { all: sizes.reduce((sum, size) => sum + size, 0), largest: Math.max(0, ...sizes) };
}

// What a tensor takes in a header beyond its name, and a pruned layer in the manifest; there a role's histogram, and what two roles have in common, where there are several.
const HEADER_BYTES = 80;
const REPORT_BYTES = 250;
const HISTOGRAM_BYTES = 290;
const OVERLAP_BYTES = 150;

function outputBytes(model: OpenModel, sections: readonly Section[], roles: number): number {
  const ofRoles = roles > 1 ? roles * HISTOGRAM_BYTES + ((roles * (roles - 1)) / 2) * OVERLAP_BYTES : 0;
  let bytes = model.files.reduce((sum, file) => sum + file.bytes, 0);
  for (const info of model.tensors.values()) bytes += byteSize(info) + info.name.length + HEADER_BYTES;
  for (const { linears } of sections) for (const { tensor } of linears) bytes += tensor.length + REPORT_BYTES + ofRoles;
  return bytes;
}
