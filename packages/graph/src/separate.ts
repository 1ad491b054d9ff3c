import { TOKEN_WEIGHTS } from "./instrument.ts";
import { type Program, type Value, valueNamed } from "./program.ts";

/** An instrumented program in two: a backend that computes in less than single precision runs the sums apart from the rest. */
export interface SeparatedProgram {
  /** Everything that does not depend on the token weights. What `sums` reads of it is among its outputs, under the names that `between` gives. */
  readonly values: Program;
  /** From those values, and the program's own inputs, to the outputs that depend on the token weights. */
  readonly sums: Program;
  /** The values that go from one to the other: output name of `values` → input name of `sums`. */
  readonly between: Readonly<Record<string, string>>;
}

/** Parts a program into the sums that `instrument` has added and the rest; undefined where there are none. */
export function separateSums(program: Program): SeparatedProgram | undefined {
  const named = new Set(program.sums);
  const isSum = ([name]: [string, string]): boolean => named.has(name);
  const outputs = Object.entries(program.outputs);
  const [sumOutputs, valueOutputs] = [outputs.filter(isSum), outputs.filter((one) => !isSum(one))];
  if (sumOutputs.length === 0) return undefined;

  const own = ownOps(program, valueOutputs);
  const sumOps = program.ops.filter(({ output }) => own.has(output));
  const given = new Set([...program.inputs, ...program.weights].map(({ name }) => name));
  const read = [...new Set([...sumOps.flatMap(({ inputs }) => inputs), ...sumOutputs.map(([, value]) => value)])].filter(
    (name) => !own.has(name),
  );
  const between = Object.fromEntries(read.filter((name) => !given.has(name)).map((name) => [`sum:${name}`, name]));
  const wanted = new Set(read);
  const valueOps = program.ops.filter(({ output }) => !own.has(output) || isConstant(program, output));
  const usesWeights = valueOps.some(({ inputs }) => inputs.includes(TOKEN_WEIGHTS));
  return {
    values: {
      ...program,
      inputs: program.inputs.filter(({ name }) => name !== TOKEN_WEIGHTS || usesWeights),
      ops: valueOps,
      outputs: { ...Object.fromEntries(valueOutputs), ...between },
      taps: [],
      sums: [],
    },
    sums: {
      ...program,
      inputs: [
        ...program.inputs.filter(({ name }) => wanted.has(name)),
        ...Object.values(between).map((name): Value => valueNamed(program, name)),
      ],
      weights: program.weights.filter(({ name }) => wanted.has(name)),
      ops: sumOps,
      outputs: Object.fromEntries(sumOutputs),
      taps: [],
    },
    between,
  };
}

/** The ops of the sums alone, such as squares of what a linear layer reads: from the token weights, constants, and values at the taps, or further from such, for nothing else. Constants are in both. */
function ownOps(program: Program, valueOutputs: readonly (readonly [string, string])[]): Set<string> {
  const known = new Set([
    TOKEN_WEIGHTS,
    ...program.taps.flatMap(({ input, share, linears }) => [
      input,
      ...(share === undefined ? [] : [share]),
      ...linears.flatMap(({ output, gradient = output }) => [output, gradient]),
    ]),
  ]);
  const own = new Set<string>();
  const moving = new Set<string>(); // of these, what is not made of constants alone
  for (const { inputs, output } of program.ops) {
    if (known.has(output) || !(inputs.every((name) => known.has(name) || own.has(name)) || inputs.some((name) => moving.has(name))))
      continue;
    own.add(output);
    if (inputs.some((name) => known.has(name) || moving.has(name))) moving.add(output);
  }
  const results = new Set(valueOutputs.map(([, value]) => value));
  const needed = new Set(results);
  for (const { inputs, output } of program.ops.toReversed()) {
    if (own.has(output) && !(needed.has(output) && !isConstant(program, output))) continue;
    own.delete(output);
    for (const name of inputs) needed.add(name);
  }
  return own;
}

function isConstant(program: Program, value: string): boolean {
  return program.ops.some(({ inputs, output }) => output === value && inputs.length === 0);
}
