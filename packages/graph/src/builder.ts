import { type Axes, type Dim, expectDim, expectShape, GraphError, simplify } from "./dims.ts";
import { FUSED } from "./fused.ts";
import { axisOf, expectInputs, type OpDefinition, PRIMITIVES } from "./op-table.ts";
import type { Attributes, Op, Program, Tap, Value, ValueType, Weight } from "./program.ts";

/** The definition of an op, or a GraphError when the table has none of that kind. */
export function opDefinition(kind: string): OpDefinition {
  const definition = Object.hasOwn(PRIMITIVES, kind) ? PRIMITIVES[kind] : Object.hasOwn(FUSED, kind) ? FUSED[kind] : undefined;
  if (!definition) throw new GraphError("unknown-op", `there is no op ${kind}`);
  return definition;
}

/** The kinds of ops, primitives first. */
export const OP_KINDS: { readonly primitive: readonly string[]; readonly fused: readonly string[] } = {
  primitive: Object.keys(PRIMITIVES),
  fused: Object.keys(FUSED),
};

/** Writes any op of the table. An axis among its attributes may be counted from the end; in the program it is counted from the front. */
export type WriteOp = (kind: string, inputs: readonly Value[], attributes?: Attributes) => Value;

/** Writes a program op by op. Shapes are inferred and checked at each step: a GraphError names what does not fit. */
export interface ProgramBuilder extends OpWriters {
  readonly axes: Axes;
  /** Declares an input that is given at each run, F32 unless `type` says otherwise. Throws a GraphError `duplicate` for a name that is taken. */
  input(name: string, shape: readonly Dim[], type?: ValueType): Value;
  /** Declares a tensor of the model (F32) by what its axes are called. Throws a GraphError `duplicate` for a name that is taken. */
  weight(name: string, axes: readonly Dim[]): Value;
  readonly op: WriteOp;
  /** A linear layer; marks where it reads as a tap. `share` (batch, tokens) weighs its tokens. */
  linear(x: Value, weight: Value, bias?: Value, share?: Value): Value;
  /** The finished program, giving the named outputs. */
  build(outputs: Readonly<Record<string, Value>>): Program;
}

/** The sizes of an attention: `heads / kvHeads` queries share a key, logits are multiplied by `scale`, and `window` tokens are seen, all where it is 0. */
export interface AttentionOptions {
  readonly heads: number;
  readonly kvHeads: number;
  readonly scale: number;
  readonly window: number;
}

/** A method for each op, but for `linear`, which marks taps. */
export interface OpWriters {
  /** x (…, n) over its root mean square, x / √(mean x² + epsilon), times scale (n). */
  rmsNorm(x: Value, scale: Value, epsilon: number): Value;
  /**
   * Rotary positions: of x (batch, tokens, heads·d), each head's halves (a, b) become (a·cos − b·sin, b·cos + a·sin), cos and sin (tokens, d/2), or
   * (batch, tokens, d/2) where each sequence has its own positions.
   */
  rope(x: Value, cos: Value, sin: Value, heads: number): Value;
  /**
   * Causal attention of q (batch, tokens, heads·d) on k and v (batch, tokens, kvHeads·d), to the shape of q: softmax(scale·q·kᵀ)·v of each head, where `heads / kvHeads`
   * queries share a key. With a `window` above 0 a token sees the last `window` tokens only, itself among them.
   */
  attention(q: Value, k: Value, v: Value, options: AttentionOptions): Value;
  /** The same for tokens that continue others: each sees besides, of the keys and values (batch, kvHeads, slots, d) of a past, the slots that `seen` (batch, tokens, slots), BOOL, says. */
  cachedAttention(q: Value, k: Value, v: Value, past: { keys: Value; values: Value; seen: Value }, options: AttentionOptions): Value;
  /** exp(x) / Σ exp(x) over the last axis. */
  softmax(x: Value): Value;
  /** 1 / (1 + exp(−x)). */
  sigmoid(x: Value): Value;
  /** x / (1 + exp(−x)). */
  silu(x: Value): Value;
  /** −log softmax(logits)[target], in nats: logits (…, vocabulary) and target (…), I32, to (…). */
  tokenLoss(logits: Value, target: Value): Value;
  /** a (…, m, k) · b (…, k, n), to (…, m, n); the leading axes broadcast. */
  matmul(a: Value, b: Value): Value;
  /** a + b, element by element; shapes broadcast by numpy's rule, as for the other ops of two values. */
  add(a: Value, b: Value): Value;
  /** a − b. */
  sub(a: Value, b: Value): Value;
  /** a · b, element by element. */
  mul(a: Value, b: Value): Value;
  /** a / b. */
  div(a: Value, b: Value): Value;
  /** The exponential of each element. */
  exp(x: Value): Value;
  /** The natural logarithm of each element. */
  log(x: Value): Value;
  /** The square root of each element. */
  sqrt(x: Value): Value;
  /** a ≤ b (BOOL), of two F32 or two I32. */
  lessEqual(a: Value, b: Value): Value;
  /** a where the condition (BOOL) holds, else b (F32). */
  select(condition: Value, a: Value, b: Value): Value;
  /** The sum along an axis, which goes, or stays with the size 1 where `keep` is set. */
  reduceSum(x: Value, axis: number, keep?: boolean): Value;
  /** The largest along an axis, which goes, or stays with the size 1 where `keep` is set. */
  reduceMax(x: Value, axis: number, keep?: boolean): Value;
  /** The index of the largest along the last axis, the first of equals (I32): x (…, n) to (…). */
  argmax(x: Value): Value;
  /** A number, of shape (). */
  constant(value: number): Value;
  /** start, start + 1, … (I32), as many as the axis of x is long; `start` is 0 when left out. */
  iota(x: Value, axis: number, start?: number): Value;
  /** The same elements in another shape of as many. */
  reshape(x: Value, shape: readonly Dim[]): Value;
  /** The axes in another order: axis i of the result is axis `order[i]` of x. */
  transpose(x: Value, order: readonly number[]): Value;
  /** The part [start, end) of an axis whose size is known. */
  slice(x: Value, axis: number, start: number, end: number): Value;
  /** The parts one after another along an axis whose sizes are known. */
  concat(parts: readonly Value[], axis: number): Value;
  /** The element of x (…, n) at index (…), I32, to (…). */
  pick(x: Value, index: Value): Value;
  /** x (…, n) with value (…) added at index (…), I32. */
  scatterAdd(x: Value, index: Value, value: Value): Value;
}

/** A builder for a program over axes of these sizes; `from` is a program to continue. */
export function programBuilder(axes: Axes, from?: Program): ProgramBuilder {
  const values: Record<string, Value> = { ...from?.values };
  const inputs: Value[] = [...(from?.inputs ?? [])];
  const weights: Weight[] = [...(from?.weights ?? [])];
  const ops: Op[] = [...(from?.ops ?? [])];
  const taps: Tap[] = [...(from?.taps ?? [])];
  let count = ops.length;

  function declare(name: string, type: ValueType, shape: readonly Dim[]): Value {
    if (Object.hasOwn(values, name)) throw new GraphError("duplicate", `the program already has a value ${name}`);
    const value = { name, type, shape: shape.map((dim) => simplify(dim, axes)) };
    for (const dim of value.shape) expectDim(dim, name);
    values[name] = value;
    return value;
  }

  function expectOwn(value: Value, what: string): void {
    if (values[value.name] !== value) throw new GraphError("unknown-value", `${what} reads ${value.name}, which is not of this program`);
  }

  function op(kind: string, given: readonly Value[], asked: Attributes = {}): Value {
    const definition = opDefinition(kind);
    for (const value of given) expectOwn(value, kind);
    expectInputs(kind, definition, given);
    const [first] = given;
    const attributes = first && typeof asked.axis === "number" ? { ...asked, axis: axisOf(first, asked.axis) } : asked;
    const { type, shape } = definition.infer(given, attributes, axes);
    while (Object.hasOwn(values, `${kind}.${count}`)) count++; // a program that begins in the midst of another keeps the names
    const output = declare(`${kind}.${count++}`, type, shape);
    ops.push({ kind, inputs: given.map((value) => value.name), output: output.name, attributes });
    return output;
  }

  function tap(input: Value, weight: Value, output: Value, share: Value | undefined): void {
    if (share) {
      expectOwn(share, "a tap");
      const [tokens, weighed] = [input.shape.slice(0, -1), share.shape];
      expectShape(
        share.type === "F32" && weighed.join() === tokens.join(),
        () =>
          `the share of the tokens of ${input.name} is ${share.type} of shape [${weighed.join(", ")}], wanted F32 of shape [${tokens.join(", ")}]`,
      );
    }
    const linear = { weight: weight.name, output: output.name };
    const index = taps.findIndex((known) => known.input === input.name && known.share === share?.name);
    const known = taps[index];
    if (known) taps[index] = { ...known, linears: [...known.linears, linear] };
    else taps.push({ input: input.name, linears: [linear], ...(share && { share: share.name }) });
  }

  return {
    ...opWriters(op),
    axes,
    input(name, shape, type = "F32") {
      const value = declare(name, type, shape);
      inputs.push(value);
      return value;
    },
    weight(name, names) {
      const value = declare(name, "F32", names);
      weights.push({ ...value, axes: names.map(String) });
      return value;
    },
    op,
    linear(x, weight, bias, share) {
      const output = op("linear", bias ? [x, weight, bias] : [x, weight]);
      tap(x, weight, output, share);
      return output;
    },
    build(outputs) {
      for (const [name, value] of Object.entries(outputs)) expectOwn(value, `the output ${name}`);
      return {
        axes,
        inputs: [...inputs],
        weights: [...weights],
        ops: [...ops],
        values: { ...values },
        taps: [...taps],
        outputs: Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, value.name])),
      };
    },
  };
}

/** The methods of the ops over a function that writes one. */
export function opWriters(op: WriteOp): OpWriters {
  return {
    rmsNorm: (x, scale, epsilon) => op("rmsNorm", [x, scale], { epsilon }),
    rope: (x, cos, sin, heads) => op("rope", [x, cos, sin], { heads }),
    attention: (q, k, v, options) => op("attention", [q, k, v], { ...options }),
    cachedAttention: (q, k, v, { keys, values, seen }, options) => op("cachedAttention", [q, k, v, keys, values, seen], { ...options }),
    softmax: (x) => op("softmax", [x]),
    sigmoid: (x) => op("sigmoid", [x]),
    silu: (x) => op("silu", [x]),
    tokenLoss: (logits, target) => op("tokenLoss", [logits, target]),
    matmul: (a, b) => op("matmul", [a, b]),
    add: (a, b) => op("add", [a, b]),
    sub: (a, b) => op("sub", [a, b]),
    mul: (a, b) => op("mul", [a, b]),
    div: (a, b) => op("div", [a, b]),
    exp: (x) => op("exp", [x]),
    log: (x) => op("log", [x]),
    sqrt: (x) => op("sqrt", [x]),
    lessEqual: (a, b) => op("lessEqual", [a, b]),
    select: (condition, a, b) => op("select", [condition, a, b]),
    reduceSum: (x, axis, keep = false) => op("reduceSum", [x], { axis, keep }),
    reduceMax: (x, axis, keep = false) => op("reduceMax", [x], { axis, keep }),
    argmax: (x) => op("argmax", [x]),
    constant: (value) => op("constant", [], { value }),
    iota: (x, axis, start = 0) => op("iota", [x], { axis, start }),
    reshape: (x, shape) => op("reshape", [x], { shape }),
    transpose: (x, order) => op("transpose", [x], { order }),
    slice: (x, axis, start, end) => op("slice", [x], { axis, start, end }),
    concat: (parts, axis) => op("concat", parts, { axis }),
    pick: (x, index) => op("pick", [x, index]),
    scatterAdd: (x, index, value) => op("scatterAdd", [x, index, value]),
  };
}
