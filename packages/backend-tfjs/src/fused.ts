import { pick } from "./primitives.ts";
import { count, type Engine, input, type Kernel, type Tfjs, type Value } from "./tfjs.ts";

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
  attention: (engine, inputs, shape, attributes) => {
    const { tf } = engine;
    const [batch, tokens, width] = shape as readonly [number, number, number];
    const { heads, kvHeads, scale, window } = attributes as Record<"heads" | "kvHeads" | "scale" | "window", number>;
    const [q, k, v] = [tf.mul(input(inputs, 0), tf.scalar(scale)), input(inputs, 1), input(inputs, 2)];
    const mask = maskOf(tf, tokens, window);
    // All weights at once may not fit where a few sequences do.
    const together = Math.max(1, Math.floor(WEIGHTS_AT_ONCE / (heads * tokens * tokens)));
    const parts: Value[] = [];
    for (let from = 0; from < batch; from += together) {
      const sequences = Math.min(together, batch - from);
      const part = (x: Value): Value => tf.slice(x, [from, 0, 0], [sequences, tokens, x.shape[2] as number]);
      const sizes = { batch: sequences, tokens, heads, kvHeads, size: width / heads };
      parts.push(tf.tidy(() => attend(engine, [part(q), part(k), part(v)], mask, sizes)));
    }
    return parts.length === 1 ? (parts[0] as Value) : tf.concat(parts, 0);
  },
  softmax: ({ tf }, inputs) => tf.softmax(input(inputs, 0)),
  sigmoid: ({ tf }, inputs) => tf.sigmoid(input(inputs, 0)),
  silu: ({ tf }, inputs) => tf.mul(input(inputs, 0), tf.sigmoid(input(inputs, 0))),
  tokenLoss: ({ tf }, inputs, shape) => {
    const [logits, target] = [input(inputs, 0), input(inputs, 1)];
    return tf.sub(tf.logSumExp(logits, -1), pick(tf, logits, target, shape));
  },
};

// 64 MiB of them, of which there are three copies at a time.
const WEIGHTS_AT_ONCE = 2 ** 24;

interface AttentionSizes {
  readonly batch: number;
  readonly tokens: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly size: number;
}

/** q (batch, tokens, heads·size), k and v (batch, tokens, kvHeads·size), mask (tokens, tokens) → (batch, tokens, heads·size) */
function attend({ tf, product }: Engine, [q, k, v]: readonly [Value, Value, Value], mask: Value, sizes: AttentionSizes): Value {
  const { batch, tokens, heads, kvHeads, size } = sizes;
  const group = heads / kvHeads;
  // Heads that share keys and values stand as further rows of one matrix: (batch·kvHeads, group·tokens, size).
  const queries = tf.reshape(tf.transpose(tf.reshape(q, [batch, tokens, kvHeads, group, size]), [0, 2, 3, 1, 4]), [
    batch * kvHeads,
    group * tokens,
    size,
  ]);
  const [keys, values] = [k, v].map((x) =>
    tf.reshape(tf.transpose(tf.reshape(x, [batch, tokens, kvHeads, size]), [0, 2, 1, 3]), [batch * kvHeads, tokens, size]),
  ) as [Value, Value];
  const weights = tf.tidy(() => {
    const logits = tf.reshape(product(queries, keys, false, true), [batch * heads, tokens, tokens]);
    return tf.softmax(tf.add(logits, mask));
  });
  const mixed = product(tf.reshape(weights, [batch * kvHeads, group * tokens, tokens]), values, false, false);
  return tf.reshape(tf.transpose(tf.reshape(mixed, [batch, kvHeads, group, tokens, size]), [0, 3, 1, 2, 4]), [batch, tokens, heads * size]);
}

/** (tokens, tokens), what is added to the logit of a query (row) and a key: 0 where the query sees the key, else enough to leave nothing of its weight. */
function maskOf(tf: Tfjs, tokens: number, window: number): Value {
  return tf.tidy(() => {
    const key = tf.range(0, tokens, 1, "int32");
    const query = tf.reshape(key, [tokens, 1]);
    const before = tf.lessEqual(key, query);
    const seen = window > 0 ? tf.logicalAnd(before, tf.less(tf.sub(query, key), tf.scalar(window, "int32"))) : before;
    return tf.where(seen, tf.zeros([tokens, tokens]), tf.fill([tokens, tokens], -1e30));
  });
}
