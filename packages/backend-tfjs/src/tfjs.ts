import type * as tfjs from "@tensorflow/tfjs-core";

/** The namespace of tfjs-core, or one that has it within, such as that of `@tensorflow/tfjs`. */
export type Tfjs = typeof tfjs;

/** A value on a device of tfjs. */
export type Value = tfjs.Tensor;

/** What kernels compute with. */
export interface Engine {
  readonly tf: Tfjs;
  /** a (batch, m, k) · b (batch, k, n), either with its last two axes swapped first when its flag is set. */
  readonly product: Product;
  /** Whether a stack of several matrices takes no longer than its matrices one by one. */
  readonly stacks: boolean;
  /** Whether an index past the end of an axis reads and writes what lies there. It is looked at first then, which is possible where data is in reach. */
  readonly unguarded: boolean;
}

/** Multiplies two stacks of as many matrices. */
export type Product = (a: Value, b: Value, transposeA: boolean, transposeB: boolean) => Value;

/** Gives an op's output, of the given shape, as a tensor of its own: never one of the inputs. */
export type Kernel = (
  engine: Engine,
  inputs: readonly Value[],
  shape: readonly number[],
  attributes: Readonly<Record<string, unknown>>,
) => Value;

/** The i-th input of an op, which the op table has checked to be there. */
export function input(inputs: readonly Value[], i: number): Value {
  return inputs[i] as Value;
}

/** The product of sizes. */
export function count(sizes: readonly number[]): number {
  return sizes.reduce((product, size) => product * size, 1);
}
