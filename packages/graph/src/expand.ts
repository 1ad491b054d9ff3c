import { opDefinition, opWriters, type ProgramBuilder, programBuilder, type WriteOp } from "./builder.ts";
import type { Program, Tap, Value } from "./program.ts";

/**
 * The same program with every op for which `keep` is false written in the ops that it expands into; primitives always stay.
 * Inputs, weights, outputs, sums and taps keep their meaning; the names of inner values change.
 */
export function expandProgram(program: Program, keep: (kind: string) => boolean): Program {
  const b = programBuilder(program.axes);
  const renamed = new Map<string, Value>();
  const now = (name: string): Value => {
    const value = renamed.get(name);
    if (!value) throw new TypeError(`the program reads ${name} before it is written`);
    return value;
  };
  for (const { name, shape, type } of program.inputs) renamed.set(name, b.input(name, shape, type));
  for (const { name, axes } of program.weights) renamed.set(name, b.weight(name, axes));

  const write: WriteOp = (kind, inputs, attributes = {}) => {
    const { expand } = opDefinition(kind);
    return expand && !keep(kind) ? expand(expanding, inputs, attributes) : b.op(kind, inputs, attributes);
  };
  // An expansion may use fused ops itself: through this builder they expand in turn.
  const expanding: ProgramBuilder = {
    ...b,
    ...opWriters(write),
    op: write,
    linear: (x, weight, bias) => write("linear", bias ? [x, weight, bias] : [x, weight]),
  };

  for (const op of program.ops) renamed.set(op.output, write(op.kind, op.inputs.map(now), op.attributes));
  const outputs = Object.fromEntries(Object.entries(program.outputs).map(([name, value]) => [name, now(value)]));
  return {
    ...b.build(outputs),
    taps: renameTaps(program.taps, (name) => renamed.get(name)?.name),
    ...(program.sums && { sums: program.sums }),
  };
}

/** Taps under other names of their values; of a program that computes only a part, what is computed. */
export function renameTaps(taps: readonly Tap[], nameOf: (value: string) => string | undefined): Tap[] {
  return taps.flatMap((tap) => {
    const [input, share] = [nameOf(tap.input), tap.share === undefined ? undefined : nameOf(tap.share)];
    const linears = tap.linears.flatMap(({ weight, output, gradient }) => {
      const [given, back] = [nameOf(output), gradient === undefined ? undefined : nameOf(gradient)];
      return given === undefined ? [] : [{ weight, output: given, ...(back !== undefined && { gradient: back }) }];
    });
    return input === undefined || linears.length === 0 ? [] : [{ input, linears, ...(share !== undefined && { share }) }];
  });
}
