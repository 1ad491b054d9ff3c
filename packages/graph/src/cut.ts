import { GraphError } from "./dims.ts";
import { type Program, type Tap, valueNamed } from "./program.ts";

/** A place where a program is parted: everything before some taps, and what has to be carried past them. */
export interface Cut {
  /**
   * From the values carried past the cut before (for the first, the state the program begins with) to those of this one that are new, under their own names.
   * Its taps are those of this cut. Ops that come later are still in it, for `instrument` to read; `keepOutputs` takes away what nothing asks for.
   */
  readonly program: Program;
  /** The values that are carried past this cut. */
  readonly carried: readonly string[];
}

/** A program in parts that run one after another. */
export interface CutProgram {
  readonly cuts: readonly Cut[];
  /** From the values carried past the last cut to the program's outputs. */
  readonly rest: Program;
}

/**
 * Parts a program at some of its taps, by number, so that the linear layers of one cut can change after their input is known and before they are applied.
 * Taps whose inputs do not depend on each other's layers make one cut. `state` names the inputs that are given at the beginning only; the others
 * (positions, token weights) are given to every part that reads them. Throws a GraphError for a tap or a state that the program has not.
 */
export function cutAtTaps(program: Program, taps: readonly number[], state: readonly string[]): CutProgram {
  for (const name of state) {
    if (!program.inputs.some((input) => input.name === name)) throw new GraphError("unknown-value", `the program has no input ${name}`);
  }
  const reads = new Map(program.ops.map(({ output, inputs }) => [output, inputs]));
  const moving = dependents(program, state);
  const cuts: Cut[] = [];
  let carried: readonly string[] = state;
  const done = new Set<string>(); // op outputs computed before the cut
  for (const group of groupTaps(program, taps, reads)) {
    for (const { input, share } of group)
      for (const name of share === undefined ? [input] : [input, share]) addAncestors(name, reads, done);
    const next = crossing(program, done, state, moving);
    const rest = startAt(program, carried, moving);
    const fresh = next.filter((name) => !carried.includes(name));
    cuts.push({ program: { ...rest, outputs: Object.fromEntries(fresh.map((name) => [name, name])), taps: group }, carried: next });
    carried = next;
  }
  return { cuts, rest: startAt(program, carried, moving) };
}

/** Taps in the program's order, those together that do not read what a layer of the group gives. */
function groupTaps(program: Program, numbers: readonly number[], reads: ReadonlyMap<string, readonly string[]>): Tap[][] {
  const groups: Tap[][] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const tap = program.taps[number];
    if (!tap) throw new GraphError("unknown-value", `the program has ${program.taps.length} taps, number ${number} was asked for`);
    const before = new Set<string>();
    for (const name of tap.share === undefined ? [tap.input] : [tap.input, tap.share]) addAncestors(name, reads, before);
    const last = groups.at(-1);
    if (last?.every(({ linears }) => linears.every(({ output }) => !before.has(output)))) last.push(tap);
    else groups.push([tap]);
  }
  return groups;
}

/** Adds a value and all op outputs that it is computed from. */
function addAncestors(name: string, reads: ReadonlyMap<string, readonly string[]>, found: Set<string>): void {
  const inputs = reads.get(name);
  if (!inputs || found.has(name)) return;
  found.add(name);
  for (const input of inputs) addAncestors(input, reads, found);
}

/** Some values, and every value that depends on one of them. */
export function dependents({ ops }: Program, values: readonly string[]): Set<string> {
  const moving = new Set(values);
  for (const { inputs, output } of ops) if (inputs.some((name) => moving.has(name))) moving.add(output);
  return moving;
}

// What takes far more time to compute than to carry.
const COSTLY = new Set(["linear", "matmul", "attention", "cachedAttention", "tokenLoss"]);

/**
 * The values known at a cut that something after it reads. What does not depend on the state is computed again instead, and so is what comes of other carried
 * values by cheap ops, such as a norm: each value that is carried is written, kept and read for every token.
 */
function crossing({ ops, outputs }: Program, done: ReadonlySet<string>, state: readonly string[], moving: ReadonlySet<string>): string[] {
  const known = (name: string): boolean => moving.has(name) && (done.has(name) || state.includes(name));
  const later = ops.filter(({ output }) => !done.has(output)).flatMap(({ inputs }) => inputs);
  const carried = new Set([...later, ...Object.values(outputs)].filter(known));
  const makers = new Map(ops.map((op) => [op.output, op]));
  const cheap = (name: string): boolean => {
    const op = makers.get(name);
    return op !== undefined && !COSTLY.has(op.kind) && op.inputs.every((input) => !moving.has(input) || carried.has(input) || cheap(input));
  };
  for (const { output } of ops.toReversed()) {
    if (!carried.delete(output)) continue;
    if (!cheap(output)) carried.add(output);
  }
  return [...carried].sort();
}

/** The program from some of its values on: these are inputs, and the ops that gave them are gone. */
function startAt(program: Program, carried: readonly string[], moving: ReadonlySet<string>): Program {
  const known = new Set(carried);
  const needed = new Set(Object.values(program.outputs));
  const ops = program.ops
    .toReversed()
    .filter(({ output, inputs }) => {
      if (!needed.has(output) || known.has(output)) return false;
      for (const name of inputs) needed.add(name);
      return true;
    })
    .reverse();
  const begun = carried.map((name) => valueNamed(program, name));
  const inputs = [...begun, ...program.inputs.filter(({ name }) => needed.has(name) && !moving.has(name))];
  const outputs = new Set(ops.map(({ output }) => output));
  const names = [...inputs.map(({ name }) => name), ...program.weights.map(({ name }) => name), ...outputs];
  return {
    ...program,
    inputs,
    ops,
    values: Object.fromEntries(names.map((name) => [name, valueNamed(program, name)])),
    taps: program.taps.filter(({ linears }) => linears.some(({ output }) => outputs.has(output))),
  };
}
