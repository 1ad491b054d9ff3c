import { type Axes, expectShape, factors, resolveDim } from "./dims.ts";
import type { Program } from "./program.ts";

/**
 * The sizes of all axes of a program once its inputs and weights have these shapes. Throws a GraphError of code `shape` that names the first value
 * that is missing or whose shape does not fit, and of code `unbound-axis` when an axis occurs only in products with others that are not known.
 */
export function bindAxes(program: Program, shapes: Readonly<Record<string, readonly number[]>>): Axes {
  const axes: Record<string, number> = { ...program.axes };
  const values = [...program.inputs, ...program.weights].map(({ name, shape }) => {
    const given = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
    expectShape(given !== undefined, () => `${name} is missing, the program wants it of shape [${shape.join(", ")}]`);
    expectShape(given.length === shape.length, () => `${name} has shape [${given.join(", ")}], the program wants [${shape.join(", ")}]`);
    return { name, given, shape };
  });
  const message = ({ name, given, shape }: (typeof values)[number]): string =>
    `${name} has shape [${given.join(", ")}], the program wants [${shape.join(", ")}]${bound(axes, program)}`;
  for (const value of values) {
    value.shape.forEach((dim, i) => {
      const { size, unknown } = factors(dim, axes);
      const [axis] = unknown;
      if (unknown.length !== 1 || axis === undefined) return;
      const found = value.given[i] as number;
      expectShape(found >= size && found % size === 0, () => message(value));
      axes[axis] = found / size;
    });
  }
  for (const value of values) {
    expectShape(
      value.shape.every((dim, i) => resolveDim(dim, axes) === value.given[i]),
      () => message(value),
    );
  }
  return axes;
}

/** What has been bound so far, for a message. */
function bound(axes: Axes, program: Program): string {
  const run = Object.entries(axes).filter(([name]) => !Object.hasOwn(program.axes, name));
  return run.length === 0 ? "" : ` with ${run.map(([name, size]) => `${name} = ${size}`).join(", ")}`;
}
