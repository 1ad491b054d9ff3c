import { pick } from "./primitives.ts";
import { count, input, type Kernel, type Tfjs, type Value } from "./tfjs.ts";

/** The fused ops that tfjs has kernels for, or that take fewer of them than their expansions. `rope` is not here: its expansion is as short. */
export const FUSED_KERNELS: Readonly<Record<string, Kernel>> = {
  linear: ({ tf, product }, inputs, shape) => {
    const [x, weight, bias] = [input(inputs, 0), input(inputs, 1), inputs[2]];
    const [n, k] = weight.shape as [number, number];
    const rows = tf.reshape(x, [1, count(x.shape.slice(0, -1)), k]);
    const y = tf.reshape(product(rows, tf.reshape(weight, [1, n, k]), false, true), [...shape]);
    return bias ? tf.add(y, bias) : y;
  },
  rmsNorm: ({ tf }, inputs, _, { epsilon }) => {
    const [x, scale] = [input(inputs, 0), input(inputs, 1)];
    const norm = tf.sqrt(tf.add(tf.mean(tf.square(x), -1, true), tf.scalar(epsilon as number)));
    return tf.mul(tf.div(x, norm), scale);
  },
  attention: ({ tf, product, stacks }, inputs, shape, attributes) => {
    const [batch, tokens, width] = shape as readonly [number, number, number];
    const { heads, kvHeads, scale, window } = attributes as Record<"heads" | "kvHeads" | "scale" | "window", number>;
    const [size, group, units] = [width / heads, heads / kvHeads, batch * kvHeads];
    const [q, k, v] = [tf.mul(input(inputs, 0), tf.scalar(scale)), input(inputs, 1), input(inputs, 2)];
    // Heads that share keys and values stand as further rows of one matrix: (units, group·tokens, size) against (units, tokens, size).
    const queries = tf.reshape(tf.transpose(tf.reshape(q, [batch, tokens, kvHeads, group, size]), [0, 2, 3, 1, 4]), [
      units,
      group * tokens,
      size,
    ]);
    const [keys, values] = [k, v].map((x) =>
      tf.reshape(tf.transpose(tf.reshape(x, [batch, tokens, kvHeads, size]), [0, 2, 1, 3]), [units, tokens, size]),
    ) as [Value, Value];
    const mask = maskOf(tf, tokens, window);
    const attend = (from: number, count: number): Value => {
      const [some, seen, mixed] = [queries, keys, values].map((x) => tf.slice(x, [from, 0, 0], [count, ...x.shape.slice(1)])) as [
        Value,
        Value,
        Value,
      ];
      const logits = tf.reshape(product(some, seen, false, true), [count * group, tokens, tokens]);
      const weights = tf.softmax(tf.add(logits, mask));
      return product(tf.reshape(weights, [count, group * tokens, tokens]), mixed, false, false);
    };
    // All weights at once may not fit where some do.
    const together = stacks ? Math.max(1, Math.floor(WEIGHTS_AT_ONCE / (group * tokens * tokens))) : 1;
    const parts: Value[] = [];
    for (let from = 0; from < units; from += together) parts.push(tf.tidy(() => attend(from, Math.min(together, units - from))));
    const joined = tf.reshape(tf.concat(parts, 0), [batch, kvHeads, group, tokens, size]);
    return tf.reshape(tf.transpose(joined, [0, 3, 1, 2, 4]), [...shape]);
  },
  softmax: ({ tf }, inputs) => tf.softmax(input(inputs, 0)),
  sigmoid: ({ tf }, inputs) => tf.sigmoid(input(inputs, 0)),
  silu: ({ tf }, inputs) => tf.mul(input(inputs, 0), tf.sigmoid(input(inputs, 0))),
  tokenLoss: (engine, inputs, shape) => {
    const { tf } = engine;
    const [logits, target] = [input(inputs, 0), input(inputs, 1)];
    return tf.sub(tf.logSumExp(logits, -1), pick(engine, logits, target, shape));
  },
};

// 64 MiB of them, of which there are three copies at a time.
const WEIGHTS_AT_ONCE = 2 ** 24;

/** (tokens, tokens), what is added to the logit of a query (row) and a key: 0 where the query sees the key, else enough to leave nothing of its weight. */
function maskOf(tf: Tfjs, tokens: number, window: number): Value {
  const key = tf.range(0, tokens, 1, "float32");
  const after = tf.sub(key, tf.reshape(key, [tokens, 1])); // by how many tokens the key is after the query
  const hidden = tf.clipByValue(after, 0, 1);
  const old = window > 0 ? tf.clipByValue(tf.sub(tf.scalar(1 - window), after), 0, 1) : undefined;
  return tf.mul(old ? tf.add(hidden, old) : hidden, tf.scalar(-1e30));
}
