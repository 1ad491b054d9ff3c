import { type Axes, bindAxes, GraphError, type Program } from "@secateur/graph";
import type { DeviceTensor } from "./contracts.ts";
import { SecateurError } from "./errors.ts";

/**
 * For backends: the sizes of all axes of a program for these inputs and weights. Throws SecateurError `backend`, naming the value, when one is missing,
 * unknown, of another type, or of a shape that does not fit the program or the others.
 */
export function bindInputs(program: Program, given: Readonly<Record<string, DeviceTensor>>): Axes {
  const wanted = [...program.inputs, ...program.weights];
  const names = new Set(wanted.map(({ name }) => name));
  for (const name of Object.keys(given)) {
    if (!names.has(name)) refuse(`the program has no input ${name}; it has ${[...names].join(", ") || "none"}`);
  }
  const shapes: Record<string, readonly number[]> = {};
  for (const { name, type } of wanted) {
    const tensor = given[name];
    if (!tensor) return refuse(`the input ${name} of the program is missing`);
    if (tensor.dtype !== type) return refuse(`the input ${name} is ${tensor.dtype}, the program wants ${type}`);
    shapes[name] = tensor.shape;
  }
  try {
    return bindAxes(program, shapes);
  } catch (error) {
    if (error instanceof GraphError) throw new SecateurError("backend", error.message, { cause: error });
    throw error;
  }
}

function refuse(message: string): never {
  throw new SecateurError("backend", message);
}
