import { type Axes, type Program, resolveShape, valueNamed } from "@secateur/graph";
import { bindInputs, type DeviceTensor, SecateurError } from "@secateur/kit";

/** The sizes of all axes. Throws SecateurError `backend` for inputs as `bindInputs` does, and for an `into` that does not fit its output. */
export function checkInputs(
  program: Program,
  inputs: Readonly<Record<string, DeviceTensor>>,
  into: Readonly<Record<string, DeviceTensor>>,
): Axes {
  const axes = bindInputs(program, inputs);
  for (const [name, target] of Object.entries(into)) {
    const output = program.outputs[name];
    if (output === undefined) throw new SecateurError("backend", `the program has no output ${name} to write in place`);
    const shape = resolveShape(valueNamed(program, output).shape, axes);
    if (String(shape) !== String(target.shape)) {
      throw new SecateurError("backend", `${name} has shape [${shape.join(", ")}], the tensor to write it in [${target.shape.join(", ")}]`);
    }
  }
  return axes;
}
