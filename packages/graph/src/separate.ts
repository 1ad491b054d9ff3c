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

/** Parts a program into what depends on the token weights and the rest (see `instrument`); undefined where nothing does. */
export function separateSums(program: Program): SeparatedProgram | undefined {
  const weighed = new Set([TOKEN_WEIGHTS]);
  for (const { inputs, output } of program.ops) if (inputs.some((name) => weighed.has(name))) weighed.add(output);
  const isSum = ([, value]: [string, string]): boolean => weighed.has(value);
  const [sumOutputs, valueOutputs] = [
    Object.entries(program.outputs).filter(isSum),
    Object.entries(program.outputs).filter((one) => !isSum(one)),
  ];
  if (sumOutputs.length === 0) return undefined;

  const own = ownOps(program, weighed);
  const sumOps = program.ops.filter(({ output }) => weighed.has(output) || own.has(output));
  const made = new Set(sumOps.map(({ output }) => output));
  const given = new Set([...program.inputs, ...program.weights].map(({ name }) => name));
  const read = [...new Set([...sumOps.flatMap(({ inputs }) => inputs), ...sumOutputs.map(([, value]) => value)])].filter(
    (name) => !made.has(name),
  );
  const between = Object.fromEntries(read.filter((name) => !given.has(name)).map((name) => [`sum:${name}`, name]));
  const wanted = new Set(read);
  return {
    values: {
      ...program,
      inputs: program.inputs.filter(({ name }) => name !== TOKEN_WEIGHTS),
      ops: program.ops.filter(({ output }) => !weighed.has(output) && !(own.has(output) && !isConstant(program, output))),
      outputs: { ...Object.fromEntries(valueOutputs), ...between },
      taps: [],
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

/** The ops that come before the token weights but serve the sums alone, such as squares of what a linear layer reads: from constants, and from values at the taps. */
function ownOps(program: Program, weighed: ReadonlySet<string>): Set<string> {
  const known = new Set(
    program.taps.flatMap(({ input, linears }) => [input, ...linears.flatMap(({ output, gradient = output }) => [output, gradient])]),
  );
  const candidates = new Set<string>();
  for (const { inputs, output } of program.ops) {
    if (!weighed.has(output) && !known.has(output) && inputs.every((name) => known.has(name) || candidates.has(name)))
      candidates.add(output);
  }
  const results = new Set(Object.values(program.outputs));
  for (const { output } of program.ops.toReversed()) {
    if (!candidates.has(output) || isConstant(program, output)) continue;
    const readers = program.ops.filter(({ inputs }) => inputs.includes(output));
    if (results.has(output) || readers.some((op) => !weighed.has(op.output) && !candidates.has(op.output))) candidates.delete(output);
  }
  const used = new Set<string>();
  for (const { inputs, output } of program.ops.toReversed()) {
    if (weighed.has(output) || used.has(output)) for (const name of inputs) if (candidates.has(name)) used.add(name);
  }
  return used;
}

function isConstant(program: Program, value: string): boolean {
  return program.ops.some(({ inputs, output }) => output === value && inputs.length === 0);
}
