import type { ValueType } from "@secateur/graph";
import { SecateurError } from "@secateur/kit";
import type { DTypeArrays, Tensor } from "@secateur/tensor";

/** A value while a program runs: a host tensor of one of the types that programs know. */
export type Host = Tensor<ValueType>;

/** The elements of any such tensor. */
export type Elements = DTypeArrays[ValueType];

/** Throws SecateurError `backend`. */
export function refuse(message: string): never {
  throw new SecateurError("backend", message);
}

/** How an array is read in the order of another shape: where it begins, and how far each axis of that shape steps in it. */
export interface View {
  readonly start: number;
  readonly steps: readonly number[];
}

/** How far one step along each axis of a row-major array is. */
export function stepsOf(shape: readonly number[]): number[] {
  const steps = shape.map(() => 1);
  for (let i = shape.length - 2; i >= 0; i--) steps[i] = (steps[i + 1] as number) * (shape[i + 1] as number);
  return steps;
}

/** An array of `from` read as if it had the shape `to`, which it broadcasts to. */
export function broadcastView(from: readonly number[], to: readonly number[]): View {
  const steps = stepsOf(from);
  const missing = to.length - from.length;
  return { start: 0, steps: to.map((_, i) => (i < missing || from[i - missing] === 1 ? 0 : (steps[i - missing] as number))) };
}

/** Calls `row` for each run along the last axis of `shape`: where it begins in a row-major array of that shape, and in each view. */
export function walkRows(shape: readonly number[], views: readonly View[], row: (out: number, at: readonly number[]) => void): void {
  const outer = shape.slice(0, -1);
  const count = outer.reduce((product, size) => product * size, 1);
  const length = shape.at(-1) ?? 1;
  const index = outer.map(() => 0);
  const at = views.map(({ start }) => start);
  for (let i = 0; i < count; i++) {
    row(i * length, at);
    for (let axis = outer.length - 1; axis >= 0; axis--) {
      const next = (index[axis] as number) + 1;
      const wraps = next === outer[axis];
      index[axis] = wraps ? 0 : next;
      for (let v = 0; v < views.length; v++) {
        const step = (views[v] as View).steps[axis] as number;
        at[v] = (at[v] as number) + (wraps ? -step * (next - 1) : step);
      }
      if (!wraps) break;
    }
  }
}

/** An axis counted from the front. */
export function axisOf(axis: unknown, rank: number): number {
  return (axis as number) < 0 ? rank + (axis as number) : (axis as number);
}

/** A shape around one of its axes: how many positions come before it, its size, and how many elements lie between its steps. */
export function around(shape: readonly number[], axis: number): { outer: number; size: number; inner: number } {
  const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);
  return { outer: product(shape.slice(0, axis)), size: shape[axis] as number, inner: product(shape.slice(axis + 1)) };
}
