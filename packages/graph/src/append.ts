import type { ProgramBuilder } from "./builder.ts";
import { type Dim, simplify } from "./dims.ts";
import type { Attributes, Program, Value } from "./program.ts";

/** Writes a program into a builder, its inputs and weights under their names after `prefix`, and gives the values of its outputs. Its taps are left out. */
export function appendProgram(b: ProgramBuilder, program: Program, prefix: string): Record<string, Value> {
  const renamed = new Map<string, Value>();
  const now = (name: string): Value => renamed.get(name) as Value; // ops stand after what they read
  for (const { name, shape, type } of program.inputs) renamed.set(name, b.input(prefix + name, shape, type));
  for (const { name, shape } of program.weights) renamed.set(name, b.weight(prefix + name, shape));
  for (const op of program.ops) renamed.set(op.output, b.op(op.kind, op.inputs.map(now), sized(op.attributes, program)));
  return Object.fromEntries(Object.entries(program.outputs).map(([name, value]) => [name, now(value)]));
}

/** Attributes that need none of the program's axes. */
function sized(attributes: Attributes, { axes }: Program): Attributes {
  const { shape } = attributes;
  return Array.isArray(shape) ? { ...attributes, shape: (shape as readonly Dim[]).map((dim) => simplify(dim, axes)) } : attributes;
}
