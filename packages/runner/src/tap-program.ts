import { instrument, keepOutputs, type Program } from "@secateur/graph";
import type { Need } from "@secateur/kit";

/** The numbers of the taps of a program at which one of these linear layers reads. */
export function tapsOf(program: Program, linears: ReadonlySet<string>): number[] {
  return program.taps.flatMap((tap, i) => (tap.linears.some(({ weight }) => linears.has(weight)) ? [i] : []));
}

/**
 * A block's program with the needed statistics of these linear layers among its outputs. Where hidden states are not to `advance`, the sums are all that it
 * gives, and what only the block's end needs is not computed.
 */
export function tapProgram(program: Program, linears: ReadonlySet<string>, needs: readonly Need[], advance: boolean): Program {
  const requests = tapsOf(program, linears).map((tap) => ({ tap, reductions: needs }));
  const full = instrument(program, requests);
  return advance ? full : keepOutputs(full, (name) => !(name in program.outputs));
}
