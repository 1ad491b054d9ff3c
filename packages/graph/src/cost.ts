import { opDefinition } from "./builder.ts";
import { type Axes, resolveDim } from "./dims.ts";
import { type Program, type Value, valueNamed } from "./program.ts";

/** What a run of a program costs: floating-point operations (a multiply and an add are two), bytes of its weights, and bytes of its largest set of values alive at once: its inputs all along, every other value from the op that writes it to the last that reads it. */
export interface Cost {
  readonly flops: number;
  readonly weightBytes: number;
  readonly peakBytes: number;
}

const BYTES = { F32: 4, I32: 4, BOOL: 1 };

/** The cost of a program for given sizes of its run-time axes, such as `{ batch: 4, tokens: 512 }`. Throws a GraphError when an axis is missing. */
export function costOf(program: Program, sizes: Axes): Cost {
  const axes = { ...program.axes, ...sizes };
  const bytes = (value: Value): number => BYTES[value.type] * value.shape.reduce<number>((size, dim) => size * resolveDim(dim, axes), 1);
  const lastRead = new Map<string, number>();
  program.ops.forEach((op, i) => {
    for (const name of op.inputs) lastRead.set(name, i);
  });
  for (const name of Object.values(program.outputs)) lastRead.set(name, program.ops.length);

  const given = new Set([...program.inputs, ...program.weights].map(({ name }) => name));
  let flops = 0;
  let alive = program.inputs.reduce((sum, input) => sum + bytes(input), 0);
  let peakBytes = alive;
  program.ops.forEach((op, i) => {
    const output = valueNamed(program, op.output);
    const inputs = op.inputs.map((name) => valueNamed(program, name));
    flops += opDefinition(op.kind).flops(inputs, output, op.attributes, axes);
    alive += bytes(output);
    peakBytes = Math.max(peakBytes, alive);
    if (!lastRead.has(output.name)) alive -= bytes(output);
    for (const input of new Set(inputs)) {
      if (lastRead.get(input.name) === i && !given.has(input.name)) alive -= bytes(input);
    }
  });
  return { flops, weightBytes: program.weights.reduce((sum, weight) => sum + bytes(weight), 0), peakBytes };
}
