import type { ProgramBuilder } from "./builder.ts";
import { type Dim, resolveDim, simplify } from "./dims.ts";
import type { Attributes, Value } from "./program.ts";

/** An op as it was written, and its way back. */
export interface Recorded {
  readonly output: Value;
  /** From ∂loss/∂output to ∂loss/∂input of the inputs that `wanted` says, each of its input's shape; nothing for the others. */
  backward(gradient: Value, wanted: (input: number) => boolean): readonly (Value | undefined)[];
}

/** Writes an op so that what its way back needs is known; gives nothing where the op is to be written as what it means in others. */
type Rule = (
  b: ProgramBuilder,
  inputs: readonly Value[],
  attributes: Attributes,
  wanted: (input: number) => boolean,
) => Recorded | undefined;

/** A rule for an op that is written as it is: its gradients by input, each computed when it is wanted. */
const plain =
  (
    kind: string,
    ...parts: ((b: ProgramBuilder, gradient: Value, inputs: readonly Value[], output: Value, attributes: Attributes) => Value)[]
  ): Rule =>
  (b, inputs, attributes) => {
    const output = b.op(kind, inputs, attributes);
    return {
      output,
      backward: (gradient, wanted) => parts.map((part, i) => (wanted(i) ? part(b, gradient, inputs, output, attributes) : undefined)),
    };
  };

/** How a gradient passes back through each op that has one. Fused ops without a rule pass it through their expansion. */
export const GRADIENT_RULES: Readonly<Record<string, Rule>> = {
  matmul: plain(
    "matmul",
    (b, g, [x, y]) => fitted(b, b.matmul(g, turned(b, y as Value)), x as Value),
    (b, g, [x, y]) => fitted(b, b.matmul(turned(b, x as Value), g), y as Value),
  ),
  add: plain(
    "add",
    (b, g, [x]) => fitted(b, g, x as Value),
    (b, g, [, y]) => fitted(b, g, y as Value),
  ),
  sub: plain(
    "sub",
    (b, g, [x]) => fitted(b, g, x as Value),
    (b, g, [, y]) => negative(b, fitted(b, g, y as Value)),
  ),
  mul: plain(
    "mul",
    (b, g, [x, y]) => fitted(b, b.mul(g, y as Value), x as Value),
    (b, g, [x, y]) => fitted(b, b.mul(g, x as Value), y as Value),
  ),
  div: plain(
    "div",
    (b, g, [x, y]) => fitted(b, b.div(g, y as Value), x as Value),
    (b, g, [, y], output) => negative(b, fitted(b, b.div(b.mul(g, output), y as Value), y as Value)),
  ),
  exp: plain("exp", (b, g, _, output) => b.mul(g, output)),
  log: plain("log", (b, g, [x]) => b.div(g, x as Value)),
  sqrt: plain("sqrt", (b, g, _, output) => b.div(g, b.mul(output, b.constant(2)))),
  select: (b, inputs) => {
    const [condition, x, y] = inputs as readonly [Value, Value, Value];
    return {
      output: b.select(condition, x, y),
      backward: (g, wanted) => [
        undefined,
        wanted(1) ? fitted(b, b.select(condition, g, b.constant(0)), x) : undefined,
        wanted(2) ? fitted(b, b.select(condition, b.constant(0), g), y) : undefined,
      ],
    };
  },
  reduceSum: plain("reduceSum", (b, g, [x], _, { axis }) => spread(b, kept(b, g, x as Value, axis as number), x as Value)),
  reduceMax: plain("reduceMax", (b, g, [x], output, { axis }) => {
    const largest = b.lessEqual(kept(b, output, x as Value, axis as number), x as Value);
    const ones = b.select(largest, b.constant(1), b.constant(0));
    return b.mul(ones, b.div(kept(b, g, x as Value, axis as number), b.reduceSum(ones, axis as number, true)));
  }),
  reshape: plain("reshape", (b, g, [x]) => b.reshape(g, (x as Value).shape)),
  transpose: plain("transpose", (b, g, _, __, { order }) => {
    const given = order as readonly number[];
    return b.transpose(
      g,
      given.map((_, i) => given.indexOf(i)),
    );
  }),
  slice: plain("slice", (b, g, [x], _, { axis, start, end }) => {
    const [along, from, to] = [axis as number, start as number, end as number];
    const size = resolveDim((x as Value).shape[along] as Dim, b.axes);
    const zeros = (first: number, last: number): Value[] => (first < last ? [zerosLike(b, b.slice(x as Value, along, first, last))] : []);
    const parts = [...zeros(0, from), g, ...zeros(to, size)];
    return parts.length > 1 ? b.concat(parts, along) : g;
  }),
  concat: (b, inputs, attributes) => ({
    output: b.op("concat", inputs, attributes),
    backward: (g, wanted) => {
      let start = 0;
      return inputs.map((part, i) => {
        const size = resolveDim(part.shape[attributes.axis as number] as Dim, b.axes);
        start += size;
        return wanted(i) ? b.slice(g, attributes.axis as number, start - size, start) : undefined;
      });
    },
  }),
  pick: plain("pick", (b, g, [x, index]) => b.scatterAdd(zerosLike(b, x as Value), index as Value, g)),
  scatterAdd: (b, inputs) => {
    const [x, index, value] = inputs as readonly [Value, Value, Value];
    return {
      output: b.scatterAdd(x, index, value),
      backward: (g, wanted) => [g, undefined, wanted(2) ? b.pick(g, index) : undefined],
    };
  },

  linear: (b, inputs) => {
    const [x, weight, bias] = inputs as readonly [Value, Value, Value | undefined];
    return {
      output: b.op("linear", inputs),
      backward: (g, wanted) => {
        const flat = (value: Value): Value => b.reshape(value, [value.shape.slice(0, -1).join("*") || 1, value.shape.at(-1) as Dim]);
        return [
          wanted(0) ? b.matmul(g, weight) : undefined,
          wanted(1) ? b.matmul(b.transpose(flat(g), [1, 0]), flat(x)) : undefined,
          wanted(2) && bias ? fitted(b, g, bias) : undefined,
        ];
      },
    };
  },
  // y = x·r·scale, r = 1/√(mean x² + ε): ∂x = r·(g·scale − x·r²·mean(g·scale·x))
  rmsNorm: (b, inputs, { epsilon }) => {
    const [x, scale] = inputs as readonly [Value, Value];
    return {
      output: b.rmsNorm(x, scale, epsilon as number),
      backward: (g, wanted) => {
        const size = b.constant(resolveDim(x.shape.at(-1) as Dim, b.axes));
        const square = b.add(b.div(b.reduceSum(b.mul(x, x), -1, true), size), b.constant(epsilon as number)); // (…, 1), as the next two
        const root = b.sqrt(square);
        const scaled = b.mul(g, scale);
        const share = (): Value => b.div(b.reduceSum(b.mul(scaled, x), -1, true), b.mul(square, size));
        return [
          wanted(0) ? b.div(b.sub(scaled, b.mul(x, share())), root) : undefined,
          wanted(1) ? fitted(b, b.mul(g, b.div(x, root)), scale) : undefined,
        ];
      },
    };
  },
  // a rotation: back by the opposite angles
  rope: (b, inputs, { heads }, wanted) => {
    if (wanted(1) || wanted(2)) return undefined;
    const [x, cos, sin] = inputs as readonly [Value, Value, Value];
    return { output: b.rope(x, cos, sin, heads as number), backward: (g) => [b.rope(g, cos, negative(b, sin), heads as number)] };
  },
  attention,
  softmax: plain("softmax", (b, g, _, output) => b.mul(output, b.sub(g, b.reduceSum(b.mul(g, output), -1, true)))),
  sigmoid: plain("sigmoid", (b, g, _, output) => b.mul(b.mul(g, output), b.sub(b.constant(1), output))),
  // y = x·s: ∂x = g·(s + y·(1 − s))
  silu: (b, inputs) => {
    const x = inputs[0] as Value;
    const share = b.sigmoid(x);
    const output = b.mul(x, share);
    return { output, backward: (g) => [b.mul(g, b.add(share, b.mul(output, b.sub(b.constant(1), share))))] };
  },
  // −log softmax(logits)[target]: softmax less one at the target
  tokenLoss: plain("tokenLoss", (b, g, [logits, target]) => {
    const weighted = b.mul(b.softmax(logits as Value), b.reshape(g, [...g.shape, 1]));
    return b.scatterAdd(weighted, target as Value, negative(b, g));
  }),
};

/**
 * Written with its weights P = softmax(q·kᵀ) as a value, which both ways need: ∂v = Pᵀ·g, ∂P = g·vᵀ, ∂logits = P·(∂P − Σ g·y). Heads that share keys and values
 * stand as further rows, so that what they give back to these is summed by the product itself.
 */
function attention(b: ProgramBuilder, inputs: readonly Value[], attributes: Attributes): Recorded {
  const [q, k, v] = inputs as readonly [Value, Value, Value];
  const { heads, kvHeads, scale, window } = attributes as Record<"heads" | "kvHeads" | "scale" | "window", number>;
  const [batch, tokens, width] = q.shape as readonly [Dim, Dim, Dim];
  const size = resolveDim(width, b.axes) / heads;
  const group = heads / kvHeads;
  const rows = simplify(`${group}*${tokens}`, b.axes);
  // (batch, tokens, heads·d) → (batch, kvHeads, group·tokens, d), and back
  const split = (x: Value): Value =>
    b.reshape(b.transpose(b.reshape(x, [batch, tokens, kvHeads, group, size]), [0, 2, 3, 1, 4]), [batch, kvHeads, rows, size]);
  const join = (x: Value): Value =>
    b.reshape(b.transpose(b.reshape(x, [batch, kvHeads, group, tokens, size]), [0, 3, 1, 2, 4]), [batch, tokens, width]);
  // (batch, tokens, kvHeads·d) → (batch, kvHeads, tokens, d), and back
  const splitKeys = (x: Value): Value => b.transpose(b.reshape(x, [batch, tokens, kvHeads, size]), [0, 2, 1, 3]);
  const joinKeys = (x: Value): Value => b.reshape(b.transpose(x, [0, 2, 1, 3]), [batch, tokens, kvHeads * size]);

  const [queries, keys, values] = [b.mul(split(q), b.constant(scale)), splitKeys(k), splitKeys(v)];
  const row = b.reshape(b.iota(q, 1), [tokens, 1]);
  const column = b.reshape(b.iota(q, 1), [1, tokens]);
  const [open, shut] = [b.constant(0), b.constant(-1e30)];
  let unseen = b.select(b.lessEqual(column, row), open, shut); // (tokens, tokens)
  if (window) unseen = b.select(b.lessEqual(row, b.reshape(b.iota(q, 1, window - 1), [1, tokens])), unseen, shut);
  const byHead = (x: Value): Value => b.reshape(x, [batch, kvHeads, group, tokens, tokens]);
  const logits = b.add(byHead(b.matmul(queries, turned(b, keys))), unseen);
  const weights = b.reshape(b.softmax(logits), [batch, kvHeads, rows, tokens]);
  const mixed = b.matmul(weights, values); // (batch, kvHeads, group·tokens, d)
  return {
    output: join(mixed),
    backward: (given, wanted) => {
      const g = split(given);
      const inner = (): Value => {
        const own = b.reduceSum(b.mul(g, mixed), -1, true); // (batch, kvHeads, group·tokens, 1)
        return b.mul(weights, b.sub(b.matmul(g, turned(b, values)), own));
      };
      const ofLogits = wanted(0) || wanted(1) ? inner() : undefined;
      return [
        wanted(0) && ofLogits ? join(b.mul(b.matmul(ofLogits, keys), b.constant(scale))) : undefined,
        wanted(1) && ofLogits ? joinKeys(b.matmul(turned(b, ofLogits), queries)) : undefined,
        wanted(2) ? joinKeys(b.matmul(turned(b, weights), g)) : undefined,
      ];
    },
  };
}

/** The sum of a gradient over the axes along which a value was repeated to its shape. */
function fitted(b: ProgramBuilder, gradient: Value, value: Value): Value {
  let sum = gradient;
  while (sum.shape.length > value.shape.length) sum = b.reduceSum(sum, 0);
  value.shape.forEach((dim, axis) => {
    if (simplify(dim, b.axes) === 1 && simplify(sum.shape[axis] as Dim, b.axes) !== 1) sum = b.reduceSum(sum, axis, true);
  });
  return sum;
}

/** With its last two axes in the other order. */
function turned(b: ProgramBuilder, x: Value): Value {
  const order = x.shape.map((_, i) => i);
  const last = order.length - 1;
  return b.transpose(x, [...order.slice(0, -2), last, last - 1]);
}

function negative(b: ProgramBuilder, x: Value): Value {
  return b.sub(b.constant(0), x);
}

function zerosLike(b: ProgramBuilder, x: Value): Value {
  return b.sub(x, x);
}

/** A reduced value with the axis back, of size 1. */
function kept(b: ProgramBuilder, reduced: Value, x: Value, axis: number): Value {
  return b.reshape(reduced, x.shape.with(axis, 1));
}

/** Repeated to the shape of x. */
function spread(b: ProgramBuilder, value: Value, x: Value): Value {
  return b.add(value, zerosLike(b, x));
}
