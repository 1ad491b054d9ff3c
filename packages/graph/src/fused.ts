import { attention, cachedAttention } from "./attention.ts";
import { alike, type Dim, expectShape, resolveDim, simplify } from "./dims.ts";
import { at, axisOf, elements, expectCount, type OpDefinition } from "./op-table.ts";
import type { Value } from "./program.ts";

const same = (x: Value): { type: Value["type"]; shape: readonly Dim[] } => ({ type: x.type, shape: x.shape });

/** The fused ops: what blocks are written in. Each says what it means in other ops, so that a backend without a kernel of its own can run it. */
export const FUSED: Readonly<Record<string, OpDefinition>> = {
  // x (…, in), weight (out, in), bias (out)? → x·Wᵀ + b (…, out)
  linear: {
    reads: ["F32", "F32", "F32"],
    optional: 1,
    infer: (inputs, _, axes) => {
      const [x, w, bias] = [at(inputs, 0), at(inputs, 1), inputs[2]];
      const [xIn, wIn] = [simplify(x.shape.at(-1) ?? 0, axes), simplify(w.shape[1] ?? 0, axes)];
      expectShape(
        x.shape.length > 0 && w.shape.length === 2 && xIn === wIn,
        () => `linear ${w.name} of shape [${w.shape.join(", ")}] reads ${x.name} of shape [${x.shape.join(", ")}]`,
      );
      expectShape(
        !bias || (bias.shape.length === 1 && simplify(bias.shape[0] ?? 0, axes) === simplify(w.shape[0] ?? 0, axes)),
        () => `the bias of ${w.name} has shape [${bias?.shape.join(", ")}]`,
      );
      return { type: "F32", shape: x.shape.with(-1, w.shape[0] as Dim) };
    },
    flops: (inputs, output, _, axes) =>
      2 * elements(output, axes) * resolveDim(at(inputs, 1).shape[1] as Dim, axes) + (inputs[2] ? elements(output, axes) : 0),
    expand: (b, [x, w, bias]) => {
      const product = b.matmul(x as Value, b.transpose(w as Value, [1, 0]));
      return bias ? b.add(product, bias) : product;
    },
  },
  // x (…, n), scale (n) → x / √(mean x² + epsilon) · scale
  rmsNorm: {
    reads: ["F32", "F32"],
    infer: (inputs, { epsilon }, axes) => {
      expectShape(typeof epsilon === "number" && epsilon >= 0, () => `the epsilon of rmsNorm is a number of at least 0, found ${epsilon}`);
      const [x, scale] = [at(inputs, 0), at(inputs, 1)];
      expectShape(
        x.shape.length > 0 && scale.shape.length === 1 && simplify(x.shape.at(-1) ?? 0, axes) === simplify(scale.shape[0] ?? 0, axes),
        () => `rmsNorm of [${x.shape.join(", ")}] with a scale of [${scale.shape.join(", ")}]`,
      );
      return same(x);
    },
    flops: (_, output, __, axes) => 4 * elements(output, axes),
    expand: (b, inputs, { epsilon }) => {
      const [x, scale] = [at(inputs, 0), at(inputs, 1)];
      const size = b.constant(resolveDim(x.shape.at(-1) ?? 0, b.axes));
      const mean = b.div(b.reduceSum(b.mul(x, x), -1, true), size);
      return b.mul(b.div(x, b.sqrt(b.add(mean, b.constant(epsilon as number)))), scale);
    },
  },
  // x (batch, tokens, heads·d), cos and sin (tokens, d/2) or (batch, tokens, d/2): each head's halves (a, b) become (a·cos − b·sin, b·cos + a·sin)
  rope: {
    reads: ["F32", "F32", "F32"],
    infer: (inputs, { heads }, axes) => {
      const [x, cos, sin] = [at(inputs, 0), at(inputs, 1), at(inputs, 2)];
      expectCount("heads", heads);
      expectShape(
        x.shape.length === 3 &&
          (cos.shape.length === 2 || cos.shape.length === 3) &&
          alike(cos.shape, sin.shape, axes) &&
          alike(cos.shape.slice(0, -1), x.shape.slice(3 - cos.shape.length, 2), axes),
        () => `rope of [${x.shape.join(", ")}] with angles of [${cos.shape.join(", ")}] and [${sin.shape.join(", ")}]`,
      );
      const width = resolveDim(x.shape.at(-1) ?? 0, axes) / (heads as number);
      const half = resolveDim(cos.shape.at(-1) as Dim, axes);
      expectShape(half * 2 === width, () => `rope over ${heads} heads of [${x.shape.join(", ")}] wants ${width / 2} angles, found ${half}`);
      return same(x);
    },
    flops: (_, output, __, axes) => 3 * elements(output, axes),
    expand: (b, inputs, { heads }) => {
      const [x, cos, sin] = [at(inputs, 0), at(inputs, 1), at(inputs, 2)];
      const [batch, tokens, width] = x.shape as readonly [Dim, Dim, Dim];
      const half = resolveDim(width, b.axes) / (heads as number) / 2;
      const split = b.reshape(x, [batch, tokens, heads as number, 2 * half]);
      const first = b.slice(split, -1, 0, half);
      const second = b.slice(split, -1, half, 2 * half);
      const [c, s] = [cos, sin].map((table) => b.reshape(table, [...table.shape.slice(0, -1), 1, half])) as [Value, Value];
      const turned = b.concat([b.sub(b.mul(first, c), b.mul(second, s)), b.add(b.mul(second, c), b.mul(first, s))], -1);
      return b.reshape(turned, x.shape);
    },
  },
  attention,
  cachedAttention,
  // over the last axis
  softmax: {
    reads: ["F32"],
    infer: (inputs) => {
      axisOf(at(inputs, 0), -1);
      return same(at(inputs, 0));
    },
    flops: (_, output, __, axes) => 4 * elements(output, axes),
    expand: (b, inputs) => {
      const x = at(inputs, 0);
      const raised = b.exp(b.sub(x, b.reduceMax(x, -1, true)));
      return b.div(raised, b.reduceSum(raised, -1, true));
    },
  },
  // 1 / (1 + exp(−x))
  sigmoid: {
    reads: ["F32"],
    infer: (inputs) => same(at(inputs, 0)),
    flops: (_, output, __, axes) => 3 * elements(output, axes),
    expand: (b, inputs) => {
      const one = b.constant(1);
      return b.div(one, b.add(one, b.exp(b.sub(b.constant(0), at(inputs, 0)))));
    },
  },
  // x · sigmoid(x)
  silu: {
    reads: ["F32"],
    infer: (inputs) => same(at(inputs, 0)),
    flops: (_, output, __, axes) => 4 * elements(output, axes),
    expand: (b, inputs) => {
      const x = at(inputs, 0);
      return b.div(x, b.add(b.constant(1), b.exp(b.sub(b.constant(0), x))));
    },
  },
  // logits (…, vocab), target (…) → −log softmax(logits)[target] (…)
  tokenLoss: {
    reads: ["F32", "I32"],
    infer: (inputs, _, axes) => {
      const [logits, target] = [at(inputs, 0), at(inputs, 1)];
      expectShape(
        logits.shape.length > 0 && alike(logits.shape.slice(0, -1), target.shape, axes),
        () => `tokenLoss of [${logits.shape.join(", ")}] with targets of [${target.shape.join(", ")}]`,
      );
      return { type: "F32", shape: target.shape };
    },
    flops: (inputs, _, __, axes) => 3 * elements(at(inputs, 0), axes),
    expand: (b, inputs) => {
      const [logits, target] = [at(inputs, 0), at(inputs, 1)];
      const top = b.reduceMax(logits, -1, true);
      const spread = b.log(b.reduceSum(b.exp(b.sub(logits, top)), -1, true));
      return b.sub(b.reshape(b.add(top, spread), target.shape), b.pick(logits, target));
    },
  },
};
