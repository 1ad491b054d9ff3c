import { gradientName, gradientProgram, type Program, programBuilder, TOKEN_WEIGHTS, valueNamed } from "@secateur/graph";
import { SecateurError } from "@secateur/kit";
import { NEXT_HIDDEN } from "@secateur/models";

const NORM = "norm";

/** The input of a regional program that begins its way back: ones (batch). */
export const REGIONAL_GRADIENT: string = gradientName(NORM);

/**
 * A block that gives its hidden states, with the gradient of their norm, weighed by the token weights and over one sequence at a time, at each of its linear layers (the
 * regional loss of Wanda++, arXiv 2503.04992). Throws SecateurError `unsupported` for a part of a block.
 */
export function regionalProgram(program: Program): Program {
  const states = program.outputs[NEXT_HIDDEN];
  if (states === undefined) throw new SecateurError("unsupported", "a regional gradient is taken of a whole block, not of a part of one");
  const b = programBuilder(program.axes, program);
  const hidden = valueNamed(program, states);
  const energy = b.reduceSum(b.mul(b.reduceSum(b.mul(hidden, hidden), 2), b.input(TOKEN_WEIGHTS, ["batch", "tokens"])), 1);
  const [none, one] = [b.constant(0), b.constant(1)];
  const norm = b.sqrt(b.select(b.lessEqual(energy, none), one, energy)); // a root is infinitely steep at 0: where no token has weight there is no gradient
  return gradientProgram(b.build({ [NEXT_HIDDEN]: hidden, [NORM]: norm }), [NORM], [], [NEXT_HIDDEN]);
}
