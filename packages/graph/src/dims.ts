/** A dimension: a number, or a product of axis names such as `kvHeads*headDim`. Names without a size in the program (`batch`, `tokens`) are bound when it runs. */
export type Dim = number | string;

/** Sizes of named axes. */
export type Axes = Readonly<Record<string, number>>;

/** The product of the known factors of a dimension, and the names of those that are not known, sorted. */
export function factors(dim: Dim, axes: Axes): { size: number; unknown: readonly string[] } {
  if (typeof dim === "number") return { size: dim, unknown: [] };
  let size = 1;
  const unknown: string[] = [];
  for (const name of dim.split("*")) {
    const known = /^\d+$/.test(name) ? Number(name) : Object.hasOwn(axes, name) ? axes[name] : undefined;
    if (known === undefined) unknown.push(name);
    else size *= known;
  }
  return { size, unknown: unknown.sort() };
}

/** A dimension in its simplest form: a number when all its axes are known, else `size*name*…` with the factor 1 left out. */
export function simplify(dim: Dim, axes: Axes): Dim {
  const { size, unknown } = factors(dim, axes);
  if (unknown.length === 0) return size;
  return size === 1 ? unknown.join("*") : `${size}*${unknown.join("*")}`;
}

/** Throws a GraphError of code `shape` unless a simplified dimension is a whole number of at least 1, or a product of axis names. */
export function expectDim(dim: Dim, what: string): void {
  const good =
    typeof dim === "number" ? Number.isSafeInteger(dim) && dim >= 1 : dim.split("*").every((name) => /^[A-Za-z]\w*$|^[1-9]\d*$/.test(name));
  expectShape(good, () => `${what} has the dimension ${JSON.stringify(dim)}: wanted a whole number of at least 1 or names of axes`);
}

/** The size of a dimension when every axis is known. Throws a GraphError that names the first axis without a size. */
export function resolveDim(dim: Dim, axes: Axes): number {
  const { size, unknown } = factors(dim, axes);
  if (unknown.length > 0) throw new GraphError("unbound-axis", `the size of axis ${unknown[0]} is not known`);
  return size;
}

/** The sizes of a shape when every axis is known. */
export function resolveShape(shape: readonly Dim[], axes: Axes): number[] {
  return shape.map((dim) => resolveDim(dim, axes));
}

/** Whether two shapes are the same. */
export function alike(a: readonly Dim[], b: readonly Dim[], axes: Axes): boolean {
  const [left, right] = [a, b].map((shape) => shape.map((dim) => simplify(dim, axes)).join());
  return left === right;
}

/** What is wrong with a program or with what it was given. */
export class GraphError extends Error {
  readonly code: "unbound-axis" | "shape" | "unknown-op" | "unknown-value" | "no-gradient" | "duplicate";
  constructor(code: GraphError["code"], message: string) {
    super(message);
    this.name = "GraphError";
    this.code = code;
  }
}

/** Throws a GraphError of code `shape` unless `ok`. */
export function expectShape(ok: boolean, message: () => string): asserts ok {
  if (!ok) throw new GraphError("shape", message());
}
