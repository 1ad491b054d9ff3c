import { gradientProgram, instrument, keepOutputs, type Program, tapOutput, valueNamed } from "@secateur/graph";
import { type Need, SecateurError } from "@secateur/kit";
import { regionalProgram } from "./regional.ts";

/** The numbers of the taps of a program at which one of these linear layers reads. */
export function tapsOf(program: Program, linears: ReadonlySet<string>): number[] {
  return program.taps.flatMap((tap, i) => (tap.linears.some(({ weight }) => linears.has(weight)) ? [i] : []));
}

/** The shapes of the sums of a statistic at a linear layer, summed over batches. Throws SecateurError `plugin` for a statistic that keeps the tokens. */
export function sumShapes(program: Program, linear: string, need: Need): Record<string, readonly number[]> {
  const [tap] = tapsOf(program, new Set([linear]));
  if (tap === undefined) throw new SecateurError("internal", `the program has no linear layer ${linear}`);
  const start = tapOutput(tap, need, "", linear);
  const reads = need.of === "gradient" || need.of === "regional" ? gradientProgram(program, Object.keys(program.outputs), []) : program;
  const tapped = instrument(reads, [{ tap, reductions: [need] }]);
  const sums = Object.keys(tapped.outputs).filter((name) => name.startsWith(start));
  return Object.fromEntries(sums.map((name) => [name.slice(start.length), sumShape(tapped, name)]));
}

/** The shape of a program's output without its leading `batch` axis, when every other axis is known. */
export function sumShape(program: Program, output: string): readonly number[] {
  const { shape } = valueNamed(program, program.outputs[output] as string);
  return (shape[0] === "batch" ? shape.slice(1) : shape).map((dim) => {
    if (typeof dim === "number") return dim;
    throw new SecateurError("plugin", `a statistic keeps the axis ${dim}: only a leading batch axis is summed over`);
  });
}

/** What collecting runs: a part of a block with the needed statistics of these linear layers, and its own outputs where it is to move on. */
export function collectProgram(program: Program, linears: ReadonlySet<string>, needs: readonly Need[], advance: boolean): Program {
  const whole = needs.some(({ of }) => of === "regional") ? regionalProgram(program) : program;
  return tapProgram(advance ? whole : { ...whole, outputs: {} }, linears, needs);
}

/** A program with the needed statistics of these linear layers among its outputs, without what none of its outputs needs. */
export function tapProgram(program: Program, linears: ReadonlySet<string>, needs: readonly Need[]): Program {
  const requests = tapsOf(program, linears).map((tap) => ({ tap, reductions: needs }));
  return keepOutputs(instrument(program, requests), () => true);
}
