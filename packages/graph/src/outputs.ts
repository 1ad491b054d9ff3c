import type { Program } from "./program.ts";

/** The same program with fewer outputs, without the ops that only the others need. Its inputs and weights stay as they are; of its taps stay the linear layers that are still computed. */
export function keepOutputs(program: Program, keep: (name: string) => boolean): Program {
  const outputs = Object.fromEntries(Object.entries(program.outputs).filter(([name]) => keep(name)));
  const needed = new Set(Object.values(outputs));
  const ops = program.ops.toReversed().filter(({ output, inputs }) => {
    if (!needed.has(output)) return false;
    for (const input of inputs) needed.add(input);
    return true;
  });
  const taps = program.taps.flatMap((tap) => {
    const linears = tap.linears.filter(({ output, gradient }) => needed.has(output) || (gradient !== undefined && needed.has(gradient)));
    return linears.length > 0 ? [{ ...tap, linears }] : [];
  });
  return { ...program, ops: ops.reverse(), outputs, taps };
}
