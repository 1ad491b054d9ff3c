import { booleanFromText, defineScorer, gram, numberFromText, type Role, type RoleStats, type ScorerPlugin } from "@secateur/kit";
import { f32 } from "@secateur/tensor";
import { z } from "zod";
import type { Product } from "./cholesky.ts";
import { type Factor, factorHessian } from "./hessian.ts";
import { productOf } from "./product.ts";
import { solveColumns } from "./solve.ts";

/** Options of the solver `sparsegpt`. */
export interface SparseGptOptions {
  /** Columns that are scored together before those to their right change. */
  readonly blockSize: number;
  /** The share of the Hessian's mean diagonal that is added to it. */
  readonly damping: number;
  /** Prune exactly the asked ratio of each matrix; false: in each block everything not above the score at that position, as the published code does. */
  readonly exact: boolean;
  /**
   * How a role's data enters its scores: `score` divides |W| by the diagonal of the role's own factor; `hessian` by that of the mixture's, and multiplies
   * by the role's norm of the channel relative to the mixture's, which takes one factorisation whatever the number of roles.
   */
  readonly level: "score" | "hessian";
}

// A default stands twice, so that both forms of the JSON Schema, of what comes in and of what comes out, show it.
const options = z.strictObject({
  blockSize: z
    .preprocess(numberFromText, z.int().min(1))
    .prefault(128)
    .default(128)
    .meta({ description: "columns that are scored together before those to their right change" }),
  damping: z
    .preprocess(numberFromText, z.number().min(0))
    .prefault(0.01)
    .default(0.01)
    .meta({ description: "the share of the Hessian's mean diagonal that is added to it" }),
  exact: z
    .preprocess(booleanFromText, z.boolean())
    .prefault(true)
    .default(true)
    .meta({ description: "prune exactly the ratio of each matrix; false: the published rule, a threshold in each block" }),
  level: z
    .enum(["score", "hessian"])
    .prefault("score")
    .default("score")
    .meta({ description: "roles score with factors of their own, or with the mixture's and their channel norms" }),
});

/**
 * Prunes the weights with the smallest |W_ij|/U_jj and changes the others to make up for them, U the upper Cholesky factor of the inverse Hessian of the layer's
 * inputs (SparseGPT, arXiv 2301.00774). With several roles each scores with its own factor, and the mixture's is what the weights that stay are fitted to.
 */
export const sparsegpt: ScorerPlugin<SparseGptOptions> = defineScorer({
  name: "sparsegpt",
  summary: "prunes by the layer's Hessian and repairs the weights that stay",
  options,
  create: ({ blockSize, damping, exact, level }) => {
    // Layers that read the same input are given the same sums, one after another: their Hessian is factored once.
    const factors = new WeakMap<Float64Array, Factor>();
    const factorOf = async (stats: RoleStats, cols: number, tensor: string, product: Product): Promise<Factor> => {
      const sums = stats.get(gram).gram as Float64Array; // the sum of `gram`
      const factor = factors.get(sums) ?? (await factorHessian(stats, cols, damping, tensor, product));
      factors.set(sums, factor);
      return factor;
    };
    return {
      needs: [gram],
      selection: { group: "matrix", rule: exact ? "exact" : "threshold" },
      async solve(layer, stats, select, backend) {
        const [rows, cols] = layer.weights.shape as readonly [number, number]; // a linear layer's weights are a matrix
        const product = productOf(backend);
        const mixture = await factorOf(stats.mixture, cols, layer.name, product);
        const diagonals = new Map<Role, Float32Array>();
        for (const [role, of] of stats.roles) {
          if (level === "score" || of === stats.mixture) diagonals.set(role, divisors(await factorOf(of, cols, layer.name, product), cols));
          else diagonals.set(role, relativeDivisors(mixture, stats.mixture, of, cols));
        }
        const { upper, dead } = mixture;
        const { weights, mask } = await solveColumns(
          { weights: layer.weights.data, rows, cols, upper, dead, diagonals, select, blockColumns: blockSize },
          product,
        );
        return {
          weights: f32(layer.weights.shape, weights),
          mask,
          notes: { damping: mixture.damping, deadChannels: dead.reduce((sum, one) => sum + one, 0) },
        };
      },
    };
  },
});

export default sparsegpt;

/** The diagonal of U; a channel that is dead for the role scores 0. */
function divisors({ upper, dead }: Factor, cols: number): Float32Array {
  return Float32Array.from({ length: cols }, (_, j) => (dead[j] ? Number.POSITIVE_INFINITY : (upper[j * cols + j] as number)));
}

/** The diagonal of the mixture's U over a role's norm of each channel relative to the mixture's: |W| divided by it is (|W|/U_jj)·n_r/n. */
function relativeDivisors({ upper }: Factor, mixture: RoleStats, role: RoleStats, cols: number): Float32Array {
  const [all, own] = [channelNorms(mixture, cols), channelNorms(role, cols)];
  return Float32Array.from({ length: cols }, (_, j) => {
    const share = (own[j] as number) / (all[j] as number); // NaN where the channel is dead for all
    return share > 0 ? (upper[j * cols + j] as number) / share : Number.POSITIVE_INFINITY;
  });
}

/** The RMS norms of the input channels, off the diagonal of the Gram matrix. */
function channelNorms(stats: RoleStats, cols: number): Float64Array {
  const sums = stats.get(gram);
  return Float64Array.from({ length: cols }, (_, j) => Math.sqrt((sums.gram?.[j * cols + j] ?? 0) / (sums.weight?.[0] ?? 0)));
}
