import { instrument, keepOutputs, type Program } from "@secateur/graph";
import type { Need } from "@secateur/kit";

/** The numbers of the taps of a program at which one of these linear layers reads. */
export function tapsOf(program: Program, linears: ReadonlySet<string>): number[] {
  return program.taps.flatMap((tap, i) => (tap.linears.some(({ weight }) => linears.has(weight)) ? [i] : []));
}

/** A program with the needed statistics of these linear layers among its outputs, without what none of its outputs needs. */
export function tapProgram(program: Program, linears: ReadonlySet<string>, needs: readonly Need[]): Program {
  const requests = tapsOf(program, linears).map((tap) => ({ tap, reductions: needs }));
  return keepOutputs(instrument(program, requests), () => true);
}
