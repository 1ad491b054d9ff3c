import { broadcastProduct } from "./products.ts";
import { spread } from "./spread.ts";
import { type Engine, input, type Kernel, type Tfjs, type Value } from "./tfjs.ts";

/** The primitives, each a few kernels of tfjs. */
export const PRIMITIVE_KERNELS: Readonly<Record<string, Kernel>> = {
  matmul: (engine, inputs, shape) => broadcastProduct(engine, input(inputs, 0), input(inputs, 1), shape),
  add: binary((tf, a, b) => tf.add(a, b)),
  sub: binary((tf, a, b) => tf.sub(a, b)),
  mul: binary((tf, a, b) => tf.mul(a, b)),
  div: binary((tf, a, b) => tf.div(a, b)),
  exp: unary((tf, x) => tf.exp(x)),
  log: unary((tf, x) => tf.log(x)),
  sqrt: unary((tf, x) => tf.sqrt(x)),
  lessEqual: binary((tf, a, b) => tf.lessEqual(a, b)),
  select: ({ tf }, inputs, shape) => {
    const [condition, a, b] = inputs.map((x) => spread(tf, x, shape)) as [Value, Value, Value];
    return tf.where(condition, a, b);
  },
  reduceSum: ({ tf }, inputs, _, { axis, keep }) => tf.sum(input(inputs, 0), axis as number, keep === true),
  reduceMax: ({ tf }, inputs, _, { axis, keep }) => tf.max(input(inputs, 0), axis as number, keep === true),
  argmax: unary((tf, x) => tf.argMax(x, -1)),
  constant: ({ tf }, _, __, { value }) => tf.scalar(value as number, "float32"),
  iota: ({ tf }, _, [size], { start }) => tf.range(start as number, (start as number) + (size as number), 1, "int32"),
  reshape: ({ tf }, inputs, shape) => tf.reshape(input(inputs, 0), [...shape]),
  transpose: ({ tf }, inputs, _, { order }) => tf.transpose(input(inputs, 0), [...(order as readonly number[])]),
  slice: ({ tf }, inputs, shape, { axis, start }) => {
    const begin = shape.map((_, i) => (i === axis ? (start as number) : 0));
    return tf.slice(input(inputs, 0), begin, [...shape]);
  },
  concat: ({ tf }, inputs, _, { axis }) => tf.concat([...inputs], axis as number),
  pick: (engine, inputs, shape) => pick(engine, input(inputs, 0), input(inputs, 1), shape),
  // Not tensorScatterUpdate: on the cpu backend it writes into the tensor that it is given.
  scatterAdd: (engine, inputs, shape) => {
    const { tf } = engine;
    const [x, index, value] = [input(inputs, 0), input(inputs, 1), input(inputs, 2)];
    const rows = [index.size, x.shape.at(-1) as number] as [number, number];
    const added = tf.scatterND(placesOf(engine, index, rows[1]), tf.reshape(value, [value.size]), rows);
    return tf.add(x, tf.reshape(added, [...shape]));
  },
};

/** x (…, n) at index (…) → (…), the given shape. */
export function pick(engine: Engine, x: Value, index: Value, shape: readonly number[]): Value {
  const { tf } = engine;
  const size = x.shape.at(-1) as number;
  return tf.reshape(tf.gatherND(tf.reshape(x, [index.size, size]), placesOf(engine, index, size)), [...shape]);
}

/** index (…) of places below a size → (rows, 2): each row with the place in it. */
function placesOf({ tf, unguarded }: Engine, index: Value, size: number): Value {
  const past = unguarded ? index.dataSync().find((place) => place < 0 || place >= size) : undefined;
  if (past !== undefined) throw new RangeError(`the index ${past} is not below ${size}`);
  return tf.stack([tf.range(0, index.size, 1, "int32"), tf.reshape(index, [index.size])], 1);
}

function unary(rule: (tf: Tfjs, x: Value) => Value): Kernel {
  return ({ tf }: Engine, inputs) => rule(tf, input(inputs, 0));
}

function binary(rule: (tf: Tfjs, a: Value, b: Value) => Value): Kernel {
  return ({ tf }: Engine, inputs) => rule(tf, input(inputs, 0), input(inputs, 1));
}
