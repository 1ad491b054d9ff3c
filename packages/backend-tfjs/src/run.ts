import { type Axes, type Program, resolveShape, valueNamed } from "@secateur/graph";
import { SecateurError } from "@secateur/kit";
import { FUSED_KERNELS } from "./fused.ts";
import { inTfjs } from "./in-tfjs.ts";
import { PRIMITIVE_KERNELS } from "./primitives.ts";
import type { Engine, Kernel, Tfjs, Value } from "./tfjs.ts";

const KERNELS: Readonly<Record<string, Kernel>> = { ...PRIMITIVE_KERNELS, ...FUSED_KERNELS };

/** Whether an op runs as it is; the others run as what they expand into. */
export function hasKernel(kind: string): boolean {
  return Object.hasOwn(KERNELS, kind);
}

/** A program, and where each of its ops is computed, by the name of its output. */
export interface Computation {
  readonly program: Program;
  readonly engineFor: (output: string) => Engine;
}

/**
 * The outputs of a program, each a tensor of its own. A value is disposed after the last op that reads it, and everything but `given` when an op fails. Throws
 * SecateurError `backend`.
 */
export function runProgram(
  tf: Tfjs,
  { program, engineFor }: Computation,
  given: Readonly<Record<string, Value>>,
  axes: Axes,
): Record<string, Value> {
  const values = new Map(Object.entries(given));
  const made = new Map<string, Value>();
  const outputs: Record<string, Value> = {};
  const known = (name: string): Value => {
    const value = values.get(name);
    if (!value) throw new SecateurError("backend", `the program reads ${name} before it is written`);
    return value;
  };
  const drop = (name: string): void => {
    made.get(name)?.dispose();
    made.delete(name);
  };
  const lastRead = new Map(program.ops.flatMap(({ inputs }, i) => inputs.map((name) => [name, i] as const)));
  const kept = new Set(Object.values(program.outputs));
  try {
    for (const [i, op] of program.ops.entries()) {
      const kernel = KERNELS[op.kind];
      if (!kernel) throw new SecateurError("backend", `the tfjs backend has no op ${op.kind}`);
      const shape = resolveShape(valueNamed(program, op.output).shape, axes);
      const inputs = op.inputs.map(known);
      const output = inTfjs(`compute ${op.kind}`, () => tf.keep(tf.tidy(() => kernel(engineFor(op.output), inputs, shape, op.attributes))));
      values.set(op.output, output);
      made.set(op.output, output);
      for (const name of op.inputs) if (lastRead.get(name) === i && !kept.has(name)) drop(name);
      if (!lastRead.has(op.output) && !kept.has(op.output)) drop(op.output);
    }
    // An output may be an input, or a second name of an output: each is a tensor of its own, of the same data.
    for (const [name, value] of Object.entries(program.outputs))
      outputs[name] = inTfjs(`give ${name}`, () => tf.keep(tf.clone(known(value))));
    return outputs;
  } catch (error) {
    for (const output of Object.values(outputs)) output.dispose();
    throw error;
  } finally {
    for (const name of [...made.keys()]) drop(name);
  }
}
