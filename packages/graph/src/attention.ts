import type { ProgramBuilder } from "./builder.ts";
import { type Axes, alike, type Dim, expectShape, resolveDim } from "./dims.ts";
import { at, elements, expectCount, type OpDefinition } from "./op-table.ts";
import type { Attributes, Value } from "./program.ts";

/** q (batch, tokens, heads·d), k and v (batch, tokens, kvHeads·d) → (batch, tokens, heads·d); causal; `window` > 0: only the last `window` tokens are seen. */
export const attention: OpDefinition = {
  reads: ["F32", "F32", "F32"],
  infer: (inputs, attributes, axes) => inferAttention(inputs, attributes, axes),
  // every query against every key, scores and weighted sum: what dense kernels do
  flops: (inputs, output, _, axes) => 4 * elements(output, axes) * resolveDim(at(inputs, 1).shape[1] as Dim, axes),
  expand: (b, inputs, attributes) => {
    const { own, values, back } = split(b, inputs, attributes);
    return back(b.matmul(b.softmax(own), values));
  },
};

/**
 * Attention of tokens that continue others, whose keys and values (batch, kvHeads, slots, d) follow q, k and v, and after them which of these slots each query
 * sees, (batch, tokens, slots). Among the tokens themselves it is as `attention`.
 */
export const cachedAttention: OpDefinition = {
  reads: ["F32", "F32", "F32", "F32", "F32", "BOOL"],
  infer: (inputs, attributes, axes) => {
    const inferred = inferAttention(inputs.slice(0, 3), attributes, axes);
    const [q, keys, values, seen] = [at(inputs, 0), at(inputs, 3), at(inputs, 4), at(inputs, 5)];
    const { heads, kvHeads } = attributes as Record<"heads" | "kvHeads", number>;
    const [[batch, tokens, width], slots] = [q.shape as readonly [Dim, Dim, Dim], keys.shape[2] ?? 0];
    const wanted = [batch, kvHeads, slots, resolveDim(width, axes) / heads];
    expectShape(
      alike(keys.shape, wanted, axes) && alike(values.shape, wanted, axes) && alike(seen.shape, [batch, tokens, slots], axes),
      () =>
        `attention of [${q.shape.join(", ")}] on a past of [${keys.shape.join(", ")}] and [${values.shape.join(", ")}], of which [${seen.shape.join(", ")}] is seen`,
    );
    return inferred;
  },
  flops: (inputs, output, _, axes) => {
    const keys = resolveDim(at(inputs, 1).shape[1] as Dim, axes) + resolveDim(at(inputs, 3).shape[2] as Dim, axes);
    return 4 * elements(output, axes) * keys;
  },
  expand: (b, inputs, attributes) => {
    const { own, values, back, size, logitsOf } = split(b, inputs, attributes);
    const [batch, tokens] = at(inputs, 0).shape as readonly [Dim, Dim, Dim];
    const [, kvHeads, slots] = at(inputs, 3).shape as readonly [Dim, Dim, Dim, Dim];
    const [pastKeys, pastValues] = [at(inputs, 3), at(inputs, 4)].map((x) => b.reshape(x, [batch, kvHeads, 1, slots, size])) as [
      Value,
      Value,
    ];
    const seen = b.transpose(b.reshape(at(inputs, 5), [batch, tokens, 1, 1, slots]), [0, 2, 3, 1, 4]);
    const past = b.select(seen, logitsOf(pastKeys), b.constant(UNSEEN)); // (batch, kvHeads, group, tokens, slots)
    // One softmax over both parts: joined, the past would be copied for each token that is added to it.
    const [ofOwn, ofPast] = [b.reduceMax(own, -1, true), b.reduceMax(past, -1, true)];
    const top = b.select(b.lessEqual(ofOwn, ofPast), ofPast, ofOwn);
    const [raisedOwn, raisedPast] = [b.exp(b.sub(own, top)), b.exp(b.sub(past, top))];
    const whole = b.add(b.reduceSum(raisedOwn, -1, true), b.reduceSum(raisedPast, -1, true));
    return back(b.div(b.add(b.matmul(raisedOwn, values), b.matmul(raisedPast, pastValues)), whole));
  },
};

// Low enough that nothing is left of its weight beside any logit that is seen.
const UNSEEN = -1e30;

function inferAttention(
  inputs: readonly Value[],
  { heads, kvHeads, scale, window }: Attributes,
  axes: Axes,
): Pick<Value, "type" | "shape"> {
  const [q, k, v] = [at(inputs, 0), at(inputs, 1), at(inputs, 2)];
  expectCount("heads", heads);
  expectCount("kvHeads", kvHeads);
  expectShape(typeof scale === "number", () => `the scale of attention is a number, found ${scale}`);
  expectShape(
    Number.isInteger(window) && (window as number) >= 0,
    () => `the window of attention is a count of tokens or 0, found ${window}`,
  );
  expectShape(
    [q, k, v].every(({ shape }) => shape.length === 3 && alike(shape.slice(0, 2), q.shape.slice(0, 2), axes)),
    () => `attention of [${q.shape.join(", ")}] on [${k.shape.join(", ")}] and [${v.shape.join(", ")}]`,
  );
  const [qWidth, kWidth, vWidth] = [q, k, v].map((x) => resolveDim(x.shape.at(-1) ?? 0, axes)) as [number, number, number];
  const fits =
    Number.isInteger(qWidth / (heads as number)) &&
    qWidth / (heads as number) === kWidth / (kvHeads as number) &&
    kWidth === vWidth &&
    (heads as number) % (kvHeads as number) === 0;
  expectShape(fits, () => `attention of ${heads} heads on ${kvHeads} with widths ${qWidth}, ${kWidth} and ${vWidth}`);
  return { type: q.type, shape: q.shape };
}

/** Attention up to its softmax, by heads. */
interface Split {
  /** The numbers of a head. */
  readonly size: number;
  /** The logits of the tokens among themselves, (batch, kvHeads, group, tokens, tokens): what is not seen is out of sight. */
  readonly own: Value;
  /** (batch, kvHeads, 1, tokens, d) */
  readonly values: Value;
  /** The logits of all queries on keys (batch, kvHeads, 1, …, d). */
  logitsOf(keys: Value): Value;
  /** From (batch, kvHeads, group, tokens, d) to the shape of q. */
  back(mixed: Value): Value;
}

function split(b: ProgramBuilder, inputs: readonly Value[], attributes: Attributes): Split {
  const [q, k, v] = [at(inputs, 0), at(inputs, 1), at(inputs, 2)];
  const { heads, kvHeads, scale, window } = attributes as Record<"heads" | "kvHeads" | "scale" | "window", number>;
  const [batch, tokens, width] = q.shape as readonly [Dim, Dim, Dim];
  const size = resolveDim(width, b.axes) / heads;
  const group = heads / kvHeads;
  // queries of one key/value head stand side by side: (batch, kvHeads, group, tokens, d) against (batch, kvHeads, 1, tokens, d)
  const queries = b.transpose(b.reshape(q, [batch, tokens, kvHeads, group, size]), [0, 2, 3, 1, 4]);
  const [keys, values] = [k, v].map((x) => b.transpose(b.reshape(x, [batch, tokens, kvHeads, 1, size]), [0, 2, 3, 1, 4])) as [Value, Value];
  const logitsOf = (against: Value): Value => b.mul(b.matmul(queries, b.transpose(against, [0, 1, 2, 4, 3])), b.constant(scale));
  const row = b.reshape(b.iota(q, 1), [tokens, 1]);
  const column = b.reshape(b.iota(q, 1), [1, tokens]);
  let own = b.select(b.lessEqual(column, row), logitsOf(keys), b.constant(UNSEEN));
  if (window) own = b.select(b.lessEqual(row, b.reshape(b.iota(q, 1, window - 1), [1, tokens])), own, b.constant(UNSEEN));
  return { size, own, values, logitsOf, back: (mixed) => b.reshape(b.transpose(mixed, [0, 3, 1, 2, 4]), q.shape) };
}
