import { bindAxes, GraphError, type Program, resolveShape, valueNamed } from "@secateur/graph";
import { type DeviceTensor, SecateurError } from "@secateur/kit";

/** Throws SecateurError `backend` when an input is missing, unknown, or of another shape or type than the program says, or when an `into` does not fit its output. */
export function checkInputs(
  program: Program,
  inputs: Readonly<Record<string, DeviceTensor>>,
  into: Readonly<Record<string, DeviceTensor>>,
): void {
  const declared = [...program.inputs, ...program.weights];
  for (const { name, type } of declared) {
    const given = inputs[name];
    if (!given) throw new SecateurError("backend", `the program reads ${name}, which was not given`);
    if (given.dtype !== type) throw new SecateurError("backend", `${name} has dtype ${given.dtype}, the program wants ${type}`);
  }
  try {
    const axes = bindAxes(program, Object.fromEntries(declared.map(({ name }) => [name, (inputs[name] as DeviceTensor).shape])));
    for (const [name, target] of Object.entries(into)) {
      const output = program.outputs[name];
      if (output === undefined) throw new SecateurError("backend", `the program has no output ${name} to write in place`);
      const shape = resolveShape(valueNamed(program, output).shape, axes);
      if (String(shape) !== String(target.shape)) {
        throw new SecateurError(
          "backend",
          `${name} has shape [${shape.join(", ")}], the tensor to write it in [${target.shape.join(", ")}]`,
        );
      }
    }
  } catch (error) {
    if (error instanceof GraphError) throw new SecateurError("backend", error.message, { cause: error });
    throw error;
  }
}
