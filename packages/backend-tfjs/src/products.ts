import { SecateurError } from "@secateur/kit";
import { type Precision, precisionOf } from "./precision.ts";
import { spread } from "./spread.ts";
import { count, type Engine, type Product, type Tfjs, type Value } from "./tfjs.ts";
import { refuseFullMemory } from "./wasm-memory.ts";

/** What kernels compute with on a backend of tfjs. */
export interface Engines {
  /** What its products are computed in. */
  readonly precision: Precision;
  readonly engine: Engine;
  /** The same in single precision, whatever the other computes in. */
  readonly exact: Engine;
}

/**
 * What kernels compute with on a backend of tfjs, which is the current one, in what it computes in by itself or in single precision. Throws SecateurError `backend` for
 * one that has no products in single precision.
 */
export async function enginesOn(tf: Tfjs, backend: string, compute: "f32" | "own"): Promise<Engines> {
  if (backend === "wasm") refuseFullMemory(tf);
  const product: Product = backend === "wasm" ? oneByOne(tf) : (a, b, transposeA, transposeB) => tf.matMul(a, b, transposeA, transposeB);
  const engine: Engine = { tf, product, stacks: backend !== "wasm", unguarded: backend === "wasm" || backend === "cpu" };
  const precision = await precisionOf(tf, product);
  if (precision === "f32") return { precision, engine, exact: engine };
  const exact: Engine = { ...engine, product: bySum(tf) };
  if ((await precisionOf(tf, exact.product)) !== "f32")
    throw new SecateurError("backend", `the backend ${backend} of tfjs has no products in single precision, which sums and solvers need`);
  return compute === "own" ? { precision, engine, exact } : { precision: "f32", engine: exact, exact };
}

/** TensorFlow computes a product that is written as a sum over an index by kernels of its own: its setting for the faster ones, of another library, does not reach them. */
function bySum(tf: Tfjs): Product {
  return (a, b, transposeA, transposeB) => tf.einsum(`${transposeA ? "zki" : "zik"},${transposeB ? "zjk" : "zkj"}->zij`, a, b);
}

/**
 * The wasm backend has a fast kernel for two matrices as they stand, and plain loops for those that it has to turn and for stacks: a tenth of the speed.
 * Matrices are turned first, and multiplied one pair after the other.
 */
function oneByOne(tf: Tfjs): Product {
  return (a, b, transposeA, transposeB) => {
    const [left, right] = [transposeA ? tf.transpose(a, [0, 2, 1]) : a, transposeB ? tf.transpose(b, [0, 2, 1]) : b];
    const [batch, m, k] = left.shape as [number, number, number];
    const n = right.shape[2] as number;
    if (batch === 1) return multiply(tf, left, right);
    const products = Array.from({ length: batch }, (_, i) =>
      tf.tidy(() => multiply(tf, tf.slice(left, [i, 0, 0], [1, m, k]), tf.slice(right, [i, 0, 0], [1, k, n]))),
    );
    return tf.concat(products, 0);
  };
}

/** Its kernel adds one term after the other to a sum in single precision, which thousands of terms would wear out: long sums are taken in pieces. */
function multiply(tf: Tfjs, a: Value, b: Value): Value {
  const [, m, k] = a.shape as [number, number, number];
  const n = b.shape[2] as number;
  if (k <= PIECE) return tf.matMul(a, b);
  let sum: Value | undefined;
  for (let from = 0; from < k; from += PIECE) {
    const count = Math.min(PIECE, k - from);
    const before = sum;
    sum = tf.tidy(() => {
      const part = tf.matMul(tf.slice(a, [0, 0, from], [1, m, count]), tf.slice(b, [0, from, 0], [1, count, n]));
      return before ? tf.add(before, part) : part;
    });
    before?.dispose();
  }
  return sum as Value; // k is above 0
}

const PIECE = 256;

/**
 * (…, m, k) · (…, k, n) with leading axes that broadcast, to the given shape. They are repeated here: the cpu and wasm backends read other matrices than
 * they should where an axis between others has to be repeated.
 */
export function broadcastProduct({ tf, product }: Engine, a: Value, b: Value, shape: readonly number[]): Value {
  const lead = shape.slice(0, -2);
  const [m, k] = a.shape.slice(-2) as [number, number];
  const n = shape.at(-1) as number;
  const ofB = [...lead.map(() => 1), ...b.shape.slice(0, -2)].slice(-lead.length || lead.length);
  // Along the last of the leading axes that b does not have, all of a's matrices are multiplied by the same one: they are one matrix of more rows.
  const split = ofB.findLastIndex((size) => size !== 1) + 1;
  const outer = lead.slice(0, split);
  const left = tf.reshape(spread(tf, a, [...lead, m, k]), [count(outer), count(lead.slice(split)) * m, k]);
  const right = tf.reshape(spread(tf, tf.reshape(b, [...ofB.slice(0, split), k, n]), [...outer, k, n]), [count(outer), k, n]);
  return tf.reshape(product(left, right, false, false), [...shape]);
}
