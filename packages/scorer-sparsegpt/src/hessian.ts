import { gram, type RoleStats, SecateurError } from "@secateur/kit";
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
  const [values, tokens] = [sums.gram as Float64Array, sums.weight?.[0] ?? 0]; // the sums of `gram`
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new SecateurError(
      "numeric",
      `the Hessian of ${tensor} has ${values[bad]} at row ${Math.floor(bad / cols)}, column ${bad % cols}`,
      { where: { tensor } },
    );
  }
  const dead = new Uint8Array(cols);
  let live = 0;
  for (let j = 0; j < cols; j++) {
    const diagonal = values[j * cols + j] as number;
    if (diagonal === 0) dead[j] = 1;
    else live += diagonal / tokens;
  }
  const alive = cols - dead.reduce((sum, one) => sum + one, 0);
  const mean = alive > 0 ? live / alive : 1;
  for (let raise = 0, share = damping; raise <= RAISES; raise++, share = share === 0 ? 0.01 : share * 10) {
    const hessian = Float32Array.from(values, (value) => value / tokens);
    if (tokens === 0) hessian.fill(0);
    for (let j = 0; j < cols; j++) hessian[j * cols + j] = (dead[j] ? mean : (hessian[j * cols + j] as number)) + share * mean;
    const upper = await inverseUpperFactor(hessian, cols, product);
    if (upper?.every(Number.isFinite)) return { upper, dead, damping: share };
  }
  throw new SecateurError(
    "numeric",
    `the Hessian of ${tensor} is not positive definite, even with its damping of ${damping} raised ${RAISES} times`,
    { where: { tensor } },
  );
}
