import { gram, type RoleStats, SecateurError } from "@secateur/kit";
import { firstNotFinite } from "@secateur/tensor";
import { inverseUpperFactor, type Product } from "./cholesky.ts";

/** A layer's factored Hessian. */
export interface Factor {
  /** U (cols, cols), upper: H⁻¹ = UᵀU. */
  readonly upper: Float32Array;
  /** 1 where the input channel was never active. */
  readonly dead: Uint8Array; // (cols)
  /** The share of the mean diagonal that was added to it. */
  readonly damping: number;
}

// How often a damping that does not suffice is raised tenfold.
const RAISES = 3;

/**
 * Factors H = XᵀX/T with damping·mean(diag H) on its diagonal; a dead channel's entry is the mean of the live ones first. Where that is not positive
 * definite the damping is raised tenfold, at most three times. Throws SecateurError `numeric` with the tensor's name when nothing helps or H is not finite.
 */
export async function factorHessian(stats: RoleStats, cols: number, damping: number, tensor: string, product: Product): Promise<Factor> {
  const sums = stats.get(gram);
  const { hessian, dead, mean } = readHessian(sums.gram as Float64Array, sums.weight?.[0] ?? 0, cols, tensor); // the sums of `gram`
  const diagonal = Float32Array.from({ length: cols }, (_, j) => hessian[j * cols + j] as number);
  for (let raise = 0, share = damping; raise <= RAISES; raise++, share = share === 0 ? 0.01 : share * 10) {
    for (let j = 0; j < cols; j++) hessian[j * cols + j] = (diagonal[j] as number) + share * mean;
    const upper = await inverseUpperFactor(hessian, cols, product);
    if (upper && firstNotFinite(upper) < 0) return { upper, dead, damping: share };
  }
  throw new SecateurError(
    "numeric",
    `the Hessian of ${tensor} is not positive definite, even with its damping of ${damping} raised ${RAISES} times`,
    { where: { tensor } },
  );
}

/** H in single precision with a dead channel's diagonal filled, which channels are dead, and the mean diagonal of the others. */
function readHessian(
  gramSums: Float64Array,
  tokens: number,
  cols: number,
  tensor: string,
): { hessian: Float32Array; dead: Uint8Array; mean: number } {
  const bad = firstNotFinite(gramSums);
  if (bad >= 0) {
    const place = `row ${Math.floor(bad / cols)}, column ${bad % cols}`;
    throw new SecateurError("numeric", `the Hessian of ${tensor} has ${gramSums[bad]} at ${place}`, { where: { tensor } });
  }
  const hessian = new Float32Array(cols * cols);
  if (tokens > 0) for (let i = 0; i < hessian.length; i++) hessian[i] = (gramSums[i] as number) / tokens;
  const dead = new Uint8Array(cols);
  let [live, alive] = [0, 0];
  for (let j = 0; j < cols; j++) {
    const diagonal = gramSums[j * cols + j] as number;
    if (diagonal === 0) dead[j] = 1;
    else {
      live += diagonal / tokens;
      alive++;
    }
  }
  const mean = alive > 0 ? live / alive : 1;
  for (let j = 0; j < cols; j++) if (dead[j]) hessian[j * cols + j] = mean;
  return { hessian, dead, mean };
}
