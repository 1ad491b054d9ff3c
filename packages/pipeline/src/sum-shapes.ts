import type { Program } from "@secateur/graph";
import type { Need } from "@secateur/kit";
import { sumShapes } from "@secateur/runner";

/** `sumShapes` for one plan. It builds a program for every answer, so blocks that share a program are answered once; needs are told apart by their ids. */
export function createSumShapes(): typeof sumShapes {
  const known = new Map<Program, Map<string, Record<string, readonly number[]>>>();
  return (program: Program, linear: string, need: Need) => {
    const answers = known.get(program) ?? new Map<string, Record<string, readonly number[]>>();
    known.set(program, answers);
    const question = JSON.stringify([linear, need.id]);
    const shapes = answers.get(question) ?? sumShapes(program, linear, need);
    answers.set(question, shapes);
    return shapes;
  };
}
