import type { ProgramBuilder } from "./builder.ts";
import { type Axes, type Dim, expectDim, expectShape, factors, resolveDim, simplify } from "./dims.ts";
import type { Attributes, Value, ValueType } from "./program.ts";

/** What the table knows of one kind of op. */
export interface OpDefinition {
  /** The type of each input in order; `any` takes every type. */
  readonly reads: readonly (ValueType | "any")[];
  /** How many of the last inputs may be left out. */
  readonly optional?: number;
  /** Whether more inputs of the first one's type may follow. */
  readonly more?: true;
  /** The type and shape of the output. Throws a GraphError of code `shape` when the inputs do not fit. */
  infer(inputs: readonly Value[], attributes: Attributes, axes: Axes): { type: ValueType; shape: readonly Dim[] };
  /** Floating-point operations, a multiply and an add counted as two; every axis is known in `axes`. */
  flops(inputs: readonly Value[], output: Value, attributes: Attributes, axes: Axes): number;
  /** A fused op's meaning in other ops; primitives have none. */
  expand?(b: ProgramBuilder, inputs: readonly Value[], attributes: Attributes): Value;
}

/** The number of elements of a value when every axis is known. */
export function elements(value: Value, axes: Axes): number {
  return value.shape.reduce<number>((size, dim) => size * resolveDim(dim, axes), 1);
}

/** Throws a GraphError of code `shape` unless an op gets as many inputs as its definition says, of the types that it says. */
export function expectInputs(kind: string, definition: OpDefinition, inputs: readonly Value[]): void {
  const { reads, optional = 0, more } = definition;
  const [least, most] = [reads.length - optional, more ? Number.POSITIVE_INFINITY : reads.length];
  const range = more ? `at least ${least}` : optional ? `${least} to ${most}` : `${least}`;
  expectShape(inputs.length >= least && inputs.length <= most, () => `${kind} reads ${range} values, ${inputs.length} were given`);
  inputs.forEach((input, i) => {
    const wanted = reads[i] ?? inputs[0]?.type;
    expectShape(wanted === "any" || wanted === input.type, () => `input ${i} of ${kind} is ${wanted}, ${input.name} is ${input.type}`);
  });
}

/** The i-th input of an op; `expectInputs` makes a missing one a bug of the table. */
export function at(inputs: readonly Value[], i: number): Value {
  const value = inputs[i];
  if (!value) throw new TypeError(`input ${i} is missing`);
  return value;
}

/** The shape that two shapes broadcast to, by numpy's rule. */
function broadcast(a: readonly Dim[], b: readonly Dim[], axes: Axes): Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = simplify(a[a.length - rank + i] ?? 1, axes);
    const right = simplify(b[b.length - rank + i] ?? 1, axes);
    if (left === 1) return right;
    expectShape(right === 1 || right === left, () => `shapes [${a.join(", ")}] and [${b.join(", ")}] do not broadcast`);
    return left;
  });
}

const elementwise = (type: ValueType, ...reads: ValueType[]): OpDefinition => ({
  reads,
  infer: (inputs, _, axes) => ({
    type,
    shape: inputs.reduce<readonly Dim[]>((shape, input) => broadcast(shape, input.shape, axes), []),
  }),
  flops: (_, output, __, axes) => elements(output, axes),
});

const reduction: OpDefinition = {
  reads: ["F32"],
  infer: (inputs, { axis, keep }) => {
    const x = at(inputs, 0);
    const index = axisOf(x, axis as number);
    return { type: "F32", shape: keep ? x.shape.with(index, 1) : x.shape.toSpliced(index, 1) };
  },
  flops: (inputs, _, __, axes) => elements(at(inputs, 0), axes),
};

/** An axis of a value counted from the front; a negative one is counted from the end. Throws a GraphError of code `shape` when there is none. */
export function axisOf(x: Value, axis: number): number {
  const index = axis < 0 ? x.shape.length + axis : axis;
  expectShape(
    Number.isInteger(index) && index >= 0 && index < x.shape.length,
    () => `${x.name} of shape [${x.shape.join(", ")}] has no axis ${axis}`,
  );
  return index;
}

/** Throws a GraphError of code `shape` unless an attribute is a whole number of at least 1. */
export function expectCount(what: string, value: unknown): void {
  expectShape(Number.isInteger(value) && (value as number) >= 1, () => `${what} is a whole number of at least 1, found ${value}`);
}

const noFlops = (): number => 0;

/** The primitives: the ops that every backend runs and that every other op expands into. */
export const PRIMITIVES: Readonly<Record<string, OpDefinition>> = {
  // (…, m, k) · (…, k, n) → (…, m, n), leading axes broadcast
  matmul: {
    reads: ["F32", "F32"],
    infer: (inputs, _, axes) => {
      const [a, b] = [at(inputs, 0), at(inputs, 1)];
      const [ka, kb] = [simplify(a.shape.at(-1) ?? 0, axes), simplify(b.shape.at(-2) ?? 0, axes)];
      expectShape(
        a.shape.length >= 2 && b.shape.length >= 2 && ka === kb,
        () => `matmul of [${a.shape.join(", ")}] and [${b.shape.join(", ")}]: inner sizes ${ka} and ${kb}`,
      );
      const lead = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2), axes);
      return { type: "F32", shape: [...lead, a.shape.at(-2) ?? 0, b.shape.at(-1) ?? 0] };
    },
    flops: (inputs, output, _, axes) => 2 * elements(output, axes) * resolveDim(at(inputs, 0).shape.at(-1) ?? 0, axes),
  },
  add: elementwise("F32", "F32", "F32"),
  sub: elementwise("F32", "F32", "F32"),
  mul: elementwise("F32", "F32", "F32"),
  div: elementwise("F32", "F32", "F32"),
  exp: elementwise("F32", "F32"),
  log: elementwise("F32", "F32"),
  sqrt: elementwise("F32", "F32"),
  // of numbers, or of whole numbers
  lessEqual: {
    ...elementwise("BOOL", "F32", "F32"),
    reads: ["any", "any"],
    infer: (inputs, _, axes) => {
      const [a, b] = [at(inputs, 0), at(inputs, 1)];
      expectShape(a.type === b.type && a.type !== "BOOL", () => `lessEqual compares ${a.type} with ${b.type}: wanted two F32 or two I32`);
      return { type: "BOOL", shape: broadcast(a.shape, b.shape, axes) };
    },
  },
  // condition ? a : b
  select: elementwise("F32", "BOOL", "F32", "F32"),
  reduceSum: reduction,
  reduceMax: reduction,
  // the index of the largest along the last axis, the first of equals
  argmax: { ...reduction, infer: (inputs) => ({ type: "I32", shape: at(inputs, 0).shape.toSpliced(axisOf(at(inputs, 0), -1), 1) }) },
  // a scalar
  constant: {
    reads: [],
    infer: (_, { value }) => {
      expectShape(typeof value === "number", () => `the value of a constant is a number, found ${value}`);
      return { type: "F32", shape: [] };
    },
    flops: noFlops,
  },
  // 0, 1, 2 … along an axis of the input, as a vector
  // start, start + 1, … along an axis: whole numbers, which stay exact whatever a backend computes numbers in
  iota: {
    reads: ["any"],
    infer: (inputs, { axis, start }) => {
      const x = at(inputs, 0);
      expectShape(Number.isSafeInteger(start), () => `iota starts at a whole number, found ${start}`);
      return { type: "I32", shape: [x.shape[axisOf(x, axis as number)] as Dim] };
    },
    flops: noFlops,
  },
  reshape: {
    reads: ["any"],
    infer: (inputs, { shape }, axes) => {
      const x = at(inputs, 0);
      const target = shape as readonly Dim[];
      for (const dim of target) expectDim(dim, "the shape of a reshape");
      const [from, to] = [x.shape, target].map((dims) => simplify(dims.join("*") || 1, axes));
      expectShape(from === to, () => `[${x.shape.join(", ")}] does not reshape to [${target.join(", ")}]`);
      return { type: x.type, shape: target.map((dim) => simplify(dim, axes)) };
    },
    flops: noFlops,
  },
  transpose: {
    reads: ["any"],
    infer: (inputs, { order }) => {
      const x = at(inputs, 0);
      const axesOrder = order as readonly number[];
      expectShape(
        axesOrder.length === x.shape.length && x.shape.every((_, i) => axesOrder.includes(i)),
        () => `[${axesOrder.join(", ")}] is no order of the ${x.shape.length} axes of ${x.name}`,
      );
      return { type: x.type, shape: axesOrder.map((i) => x.shape[i] as Dim) };
    },
    flops: noFlops,
  },
  // [start, end) along an axis
  slice: {
    reads: ["any"],
    infer: (inputs, { axis, start, end }, axes) => {
      const x = at(inputs, 0);
      const index = axisOf(x, axis as number);
      const { size, unknown } = factors(x.shape[index] as Dim, axes);
      const [from, to] = [start as number, end as number];
      expectShape(
        unknown.length === 0 && Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to && to <= size,
        () => `[${from}, ${to}) is no part of axis ${index} of [${x.shape.join(", ")}]`,
      );
      return { type: x.type, shape: x.shape.with(index, to - from) };
    },
    flops: noFlops,
  },
  // along an axis whose sizes are known
  concat: {
    reads: ["any"],
    more: true,
    infer: (inputs, { axis }, axes) => {
      const first = at(inputs, 0);
      const index = axisOf(first, axis as number);
      const others = ({ shape }: Value): string => shape.map((dim, i) => (i === index ? "" : simplify(dim, axes))).join();
      for (const part of inputs) {
        expectShape(
          part.shape.length === first.shape.length && others(part) === others(first),
          () => `concat along axis ${index} of [${first.shape.join(", ")}] and [${part.shape.join(", ")}]: the other axes differ`,
        );
      }
      const size = inputs.reduce((sum, x) => sum + resolveDim(x.shape[index] as Dim, axes), 0);
      return { type: first.type, shape: first.shape.with(index, size) };
    },
    flops: noFlops,
  },
  // x (…, n) at index (…) → (…)
  pick: {
    reads: ["any", "I32"],
    infer: (inputs, _, axes) => {
      const [x, index] = [at(inputs, 0), at(inputs, 1)];
      const [from, to] = [x.shape.slice(0, -1), index.shape].map((dims) => dims.map((dim) => simplify(dim, axes)).join());
      expectShape(
        x.shape.length > 0 && from === to,
        () => `pick reads [${x.shape.join(", ")}] with indices of shape [${index.shape.join(", ")}]`,
      );
      return { type: x.type, shape: index.shape };
    },
    flops: noFlops,
  },
  // x (…, n) with value (…) added at index (…)
  scatterAdd: {
    reads: ["F32", "I32", "F32"],
    infer: (inputs, _, axes) => {
      const [x, index, value] = [at(inputs, 0), at(inputs, 1), at(inputs, 2)];
      const [from, to, given] = [x.shape.slice(0, -1), index.shape, value.shape].map((dims) =>
        dims.map((dim) => simplify(dim, axes)).join(),
      );
      expectShape(
        x.shape.length > 0 && from === to && from === given,
        () => `scatterAdd into [${x.shape.join(", ")}] of values of shape [${value.shape.join(", ")}] at indices of shape [${to}]`,
      );
      return { type: "F32", shape: x.shape };
    },
    flops: (inputs, _, __, axes) => elements(at(inputs, 2), axes),
  },
};
