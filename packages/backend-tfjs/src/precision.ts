import { SecateurError } from "@secateur/kit";
import { seededRandom } from "@secateur/tensor";
import { inTfjs } from "./in-tfjs.ts";
import type { Product, Tfjs } from "./tfjs.ts";

/** What products are computed in: single precision, or values of eight bits that are summed in it. */
export type Precision = "f32" | "bf16";

const [ROWS, TERMS, COLS] = [16, 512, 64];

// Errors as a part of the norm. Single precision over so many terms is off by some 1e-7, bf16 by some 2e-3.
const [IN_F32, IN_BF16] = [1e-5, 1e-2];

/**
 * What a product is computed in on the current backend of tfjs, by its error against plain loops in double precision: libraries have settings of their own, which
 * processors honour or not. Throws SecateurError `backend` where it is less than bf16.
 */
export async function precisionOf(tf: Tfjs, product: Product): Promise<Precision> {
  const { next } = seededRandom(3);
  const [a, b] = [ROWS * TERMS, TERMS * COLS].map((size) => Float32Array.from({ length: size }, () => next() * 2 - 1)) as [
    Float32Array,
    Float32Array,
  ];
  const value = inTfjs("multiply matrices", () =>
    tf.keep(tf.tidy(() => product(tf.tensor(a, [1, ROWS, TERMS]), tf.tensor(b, [1, TERMS, COLS]), false, false))),
  );
  const found = await value.data();
  value.dispose();
  const error = errorOf(found as Float32Array, a, b);
  if (error <= IN_F32) return "f32";
  if (error <= IN_BF16) return "bf16";
  throw new SecateurError("backend", `products of tfjs are off by ${error.toExponential(1)} of their norm, wanted at most ${IN_BF16}`);
}

/** ‖found − a·b‖ / ‖a·b‖; infinite where something is not finite. */
function errorOf(found: Float32Array, a: Float32Array, b: Float32Array): number {
  let [difference, norm] = [0, 0];
  for (let row = 0; row < ROWS; row++) {
    for (let col = 0; col < COLS; col++) {
      let sum = 0;
      for (let i = 0; i < TERMS; i++) sum += (a[row * TERMS + i] as number) * (b[i * COLS + col] as number);
      difference += ((found[row * COLS + col] as number) - sum) ** 2;
      norm += sum ** 2;
    }
  }
  const error = Math.sqrt(difference / norm);
  return Number.isFinite(error) ? error : Number.POSITIVE_INFINITY;
}
