import { type ProgramBuilder, programBuilder } from "./builder.ts";
import { GraphError } from "./dims.ts";
import { type Program, type Tap, type Value, valueNamed } from "./program.ts";

/** The input of an instrumented program that weighs each token's part in the statistics: (batch, tokens), 0 for padding. */
export const TOKEN_WEIGHTS = "tokenWeights";

/**
 * A statistic over the tokens at a linear layer, as ops: from the values (batch, tokens, channels) that it reads (`of: "input"`, once for all
 * layers that read the same), gives (`of: "output"`), or that a loss's gradient has at what it gives, and the token weights (batch, tokens), to named sums.
 * `gradient` is that of the model's loss, in which the token weights count already; `regional` that of the norm of the block's output alone. The layer's input
 * comes last, for a statistic of both sides.
 */
export interface Reduction {
  readonly id: string;
  readonly of: "input" | "output" | "gradient" | "regional";
  /** Writes the ops, and gives the sums by name; a leading axis `batch` of one is summed over too. */
  reduce(b: ProgramBuilder, values: Value, tokenWeights: Value, input: Value): Readonly<Record<string, Value>>;
}

/** What to take at one tap of a program: its number, and the statistics. */
export interface TapRequest {
  readonly tap: number;
  readonly reductions: readonly Reduction[];
}

/** The output name under which an instrumented program gives one sum of a statistic, of a tap's input or of the output of its linear layer `weight`. */
export function tapOutput(tap: number, reduction: Reduction, sum: string, weight: string): string {
  return `tap${tap}/${reduction.of === "input" ? "" : `${weight}/`}${reduction.id}/${sum}`;
}

/** The same program with an input more, the token weights, and with an output more for every sum that is asked for (see `tapOutput`). */
export function instrument(program: Program, requests: readonly TapRequest[]): Program {
  const b = programBuilder(program.axes, program);
  const tokenWeights = program.values[TOKEN_WEIGHTS] ?? b.input(TOKEN_WEIGHTS, ["batch", "tokens"]);
  const outputs: Record<string, Value> = {};
  const added: string[] = [...(program.sums ?? [])];
  for (const [name, value] of Object.entries(program.outputs)) outputs[name] = valueNamed(program, value);
  for (const { tap: index, reductions } of requests) {
    const tap = program.taps[index];
    if (!tap) throw new GraphError("unknown-value", `the program has ${program.taps.length} taps, number ${index} was asked for`);
    const weights = tap.share === undefined ? tokenWeights : b.mul(tokenWeights, valueNamed(program, tap.share));
    for (const reduction of reductions) {
      for (const linear of reduction.of === "input" ? tap.linears.slice(0, 1) : tap.linears) {
        const { weight } = linear;
        const sums = reduction.reduce(b, valueNamed(program, readBy(reduction, tap, linear)), weights, valueNamed(program, tap.input));
        for (const [sum, value] of Object.entries(sums)) {
          const name = tapOutput(index, reduction, sum, weight);
          outputs[name] = value;
          added.push(name);
        }
      }
    }
  }
  return { ...b.build(outputs), sums: added };
}

function readBy({ id, of }: Reduction, { input }: Tap, { weight, output, gradient }: Tap["linears"][number]): string {
  if (of === "input") return input;
  if (of === "output") return output;
  if (gradient === undefined)
    throw new GraphError("no-gradient", `the statistic ${id} reads a gradient, and the program gives none at the output of ${weight}`);
  return gradient;
}
