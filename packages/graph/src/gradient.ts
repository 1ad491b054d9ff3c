import { opDefinition, opWriters, type ProgramBuilder, programBuilder, type WriteOp } from "./builder.ts";
import { dependents } from "./cut.ts";
import { expectShape, GraphError } from "./dims.ts";
import { renameTaps } from "./expand.ts";
import { GRADIENT_RULES, type Recorded } from "./gradient-rules.ts";
import { axisOf } from "./op-table.ts";
import type { Program, Value } from "./program.ts";

/** The name under which a gradient program reads ∂loss/∂output, and gives ∂loss/∂input. */
export function gradientName(value: string): string {
  return `gradient:${value}`;
}

/**
 * The backward pass of a program by reverse-mode differentiation: from its inputs, its weights and ∂loss/∂output for each output of `of` (an input more,
 * see `gradientName`) to ∂loss/∂x for each input or weight of `by`, with the gradient at the output of every linear layer as a part of its tap. What it needs
 * of the forward pass is computed again within it; outputs named in `also` are given as well. Where `max` is reached several times its gradient is parted equally.
 * Throws a GraphError of code `unknown-value` for a name that the program has not, and `no-gradient` where an output does not depend on what is asked for.
 */
export function gradientProgram(program: Program, of: readonly string[], by: readonly string[], also: readonly string[] = []): Program {
  const b = programBuilder(program.axes);
  const copies = new Map<string, Value>();
  const copyOf = (name: string): Value => {
    const value = copies.get(name);
    if (!value) throw new GraphError("unknown-value", `the program has no value ${name}`);
    return value;
  };
  for (const { name, shape, type } of program.inputs) copies.set(name, b.input(name, shape, type));
  for (const { name, axes } of program.weights) copies.set(name, b.weight(name, axes));
  for (const name of by) copyOf(name);

  const layers = program.taps.flatMap(({ linears }) => linears.map(({ output }) => output));
  const moving = dependents(program, [...by, ...layers]);
  const tape: (Recorded & { readonly inputs: readonly Value[] })[] = [];
  const differentiable = new Set<Value>(by.map(copyOf));
  const record = recorder(b, differentiable, tape);
  for (const op of program.ops) {
    const inputs = op.inputs.map(copyOf);
    const output = moving.has(op.output) ? record(op.kind, inputs, op.attributes) : b.op(op.kind, inputs, op.attributes);
    copies.set(op.output, output);
    if (layers.includes(op.output)) differentiable.add(output);
  }

  const gradients = new Map<Value, Value>();
  const add = (value: Value, gradient: Value): void => {
    const known = gradients.get(value);
    gradients.set(value, known ? b.add(known, gradient) : gradient);
  };
  for (const name of of) {
    const source = Object.hasOwn(program.outputs, name) ? copyOf(program.outputs[name] as string) : undefined;
    if (!source) throw new GraphError("unknown-value", `the program has no output ${name}`);
    expectShape(source.type === "F32", () => `the output ${name} is ${source.type}: only numbers have a gradient`);
    add(source, b.input(gradientName(name), source.shape));
  }
  for (const { output, inputs, backward } of tape.reverse()) {
    const gradient = gradients.get(output);
    if (!gradient) continue;
    backward(gradient, (i) => differentiable.has(inputs[i] as Value)).forEach((part, i) => {
      if (part) add(inputs[i] as Value, part);
    });
  }

  const gradientOf = (name: string): Value => {
    const gradient = gradients.get(copyOf(name));
    if (!gradient) throw new GraphError("no-gradient", `${of.join(" and ")} of the program does not depend on ${name}`);
    return gradient;
  };
  const outputs = [
    ...also.map((name) => [name, copyOf(program.outputs[name] ?? name)] as const),
    ...by.map((name) => [gradientName(name), gradientOf(name)] as const),
  ];
  const taps = renameTaps(program.taps, (name) => copyOf(name).name).map((tap, i) => ({
    ...tap,
    linears: tap.linears.map((linear, k) => {
      const gradient = gradients.get(copyOf(program.taps[i]?.linears[k]?.output as string)); // the same taps, under other names
      return { ...linear, ...(gradient && { gradient: gradient.name }) };
    }),
  }));
  return { ...b.build(Object.fromEntries(outputs)), taps };
}

/** Writes ops that have a gradient and keeps what their backward pass needs; an op without a rule of its own is written as what it means in others. */
function recorder(b: ProgramBuilder, differentiable: Set<Value>, tape: (Recorded & { readonly inputs: readonly Value[] })[]): WriteOp {
  const write: WriteOp = (kind, inputs, asked = {}) => {
    if (!inputs.some((input) => differentiable.has(input))) return b.op(kind, inputs, asked);
    const [first] = inputs;
    const attributes = first && typeof asked.axis === "number" ? { ...asked, axis: axisOf(first, asked.axis) } : asked;
    const wanted = (i: number): boolean => differentiable.has(inputs[i] as Value);
    const rule = Object.hasOwn(GRADIENT_RULES, kind) ? GRADIENT_RULES[kind] : undefined;
    const recorded = rule?.(b, inputs, attributes, wanted);
    if (recorded) {
      if (recorded.output.type === "F32") {
        differentiable.add(recorded.output);
        tape.push({ ...recorded, inputs });
      }
      return recorded.output;
    }
    const { expand } = opDefinition(kind);
    if (!expand) return b.op(kind, inputs, attributes); // whole numbers and conditions: nothing flows back
    return expand(expanding, inputs, attributes);
  };
  const expanding: ProgramBuilder = {
    ...b,
    ...opWriters(write),
    op: write,
    linear: (x, weight, bias) => write("linear", bias ? [x, weight, bias] : [x, weight]),
  };
  return write;
}
