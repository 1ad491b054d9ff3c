import { opDefinition, opWriters, type ProgramBuilder, programBuilder, type WriteOp } from "./builder.ts";
import type { Program, Value } from "./program.ts";

/**
 * The same program with every op for which `keep` is false written in the ops that it expands into; primitives always stay.
 * Inputs, weights, outputs and taps keep their meaning; the names of inner values change.
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
  const taps = program.taps.map((tap) => ({
    input: now(tap.input).name,
    linears: tap.linears.map(({ weight, output }) => ({ weight, output: now(output).name })),
    ...(tap.share !== undefined && { share: now(tap.share).name }),
  }));
  return { ...b.build(outputs), taps };
}
