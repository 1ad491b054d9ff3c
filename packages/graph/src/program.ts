import type { Axes, Dim } from "./dims.ts";

/** What an element of a value is: numbers are single precision, indices are whole numbers, conditions are true or false. */
export type ValueType = "F32" | "I32" | "BOOL";

/** A named array in a program. Its shape may hold axes that are bound when the program runs. */
export interface Value {
  readonly name: string;
  readonly type: ValueType;
  readonly shape: readonly Dim[];
}

/** A tensor of the model, with what its axes are called, such as `["kvHeads*headDim", "hidden"]`. */
export interface Weight extends Value {
  readonly axes: readonly string[];
}

/** Constants of an op: sizes, axes, small numbers. */
export type Attributes = Readonly<Record<string, number | boolean | string | readonly number[] | readonly Dim[]>>;

/** One step: reads values, writes one. `kind` names an entry of the op table. */
export interface Op {
  readonly kind: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Attributes;
}

/** A place where linear layers read their input: statistics for pruning are taken there. */
export interface Tap {
  /** The value that is read. */
  readonly input: string;
  /** The weight and the output of each linear layer that reads it; in a gradient program the gradient at the output too, where there is one. */
  readonly linears: readonly { readonly weight: string; readonly output: string; readonly gradient?: string }[];
  /** A value (batch, tokens) that multiplies the token weights here, such as the share an expert was routed; absent where every token counts. */
  readonly share?: string;
}

/**
 * A computation as a list of ops in the order they run: data only, so that a backend may compile, print, cost or differentiate it.
 * `inputs` are given at each run; `weights` are the model's tensors, given the same way, so that one compiled program serves every block of its shape.
 */
export interface Program {
  readonly axes: Axes;
  readonly inputs: readonly Value[];
  readonly weights: readonly Weight[];
  readonly ops: readonly Op[];
  /** Every value by name: inputs, weights and op outputs, with inferred shapes. */
  readonly values: Readonly<Record<string, Value>>;
  /** Output name → the value it gives. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly taps: readonly Tap[];
  /** The outputs that are sums over tokens, which `instrument` has added: they are kept exact whatever the rest is computed in. */
  readonly sums?: readonly string[];
}

/** A value of a program. Throws a TypeError when there is none of that name: a malformed program. */
export function valueNamed(program: Program, name: string): Value {
  const value = program.values[name];
  if (!value) throw new TypeError(`the program has no value ${name}`);
  return value;
}
