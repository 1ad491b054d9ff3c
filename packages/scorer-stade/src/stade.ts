import { defineScorer, inputNorm, inputRms, type ScorerPlugin, SecateurError } from "@secateur/kit";
import { f32, firstNotFinite } from "@secateur/tensor";
import { z } from "zod";

/** Options of the scorer `stade`. */
export interface StadeOptions {
  /** `stade`: standard deviations in every layer. `stade-w`: Wanda's norms instead in layers that read the normalised hidden state. */
  readonly variant: "stade" | "stade-w";
}

// A default stands twice, so that both forms of the JSON Schema, of what comes in and of what comes out, show it.
const options = z.strictObject({
  variant: z
    .enum(["stade", "stade-w"])
    .prefault("stade")
    .default("stade")
    .meta({ description: "standard deviations in every layer, or Wanda's norms in those that read the normalised hidden state" }),
});

/**
 * Keeps in each row the weights with the largest |W_ij|·σ[j], σ the standard deviations of the input channels over tokens (STADE, arXiv 2503.22451). The published
 * score is the square of this one, with the variance of a sample, which ranks a row in the same way.
 */
export const stade: ScorerPlugin<StadeOptions> = defineScorer({
  name: "stade",
  summary: "absolute values of the weights times the standard deviations of their input channels",
  options,
  create: ({ variant }) => ({
    needs: [inputNorm],
    selection: { group: "row", rule: "exact" },
    async score({ name, weights, axes }, stats) {
      const [rows, cols] = weights.shape as readonly [number, number]; // a linear layer's weights are a matrix
      const { squares, sums, weight } = stats.get(inputNorm) as Record<"squares" | "sums" | "weight", Float64Array>; // its sums, by their names
      const ofNorm = variant === "stade-w" && axes[1] === "hidden"; // what reads the hidden state reads it normalised
      const factors = ofNorm ? inputRms(stats) : standardDeviations(squares, sums, weight[0] as number);
      const bad = firstNotFinite(factors);
      if (bad >= 0) {
        const what = ofNorm ? "norm" : "standard deviation";
        throw new SecateurError("numeric", `the ${what} of input channel ${bad} of ${name} is ${factors[bad]}, wanted a finite number`, {
          where: { tensor: name },
        });
      }
      return f32(weights.shape, stadeScore(weights.data, factors, rows, cols));
    },
  }),
});

export default stade;

/**
 * Standard deviations √(Σωx²/Σω − (Σωx/Σω)²) (cols), in the channels' unit: `squares` Σωx² (cols), `sums` Σωx (cols), `weight` Σω. The variance is a difference: of sums with a
 * relative error ε it is off by up to 3ε times the mean square, and 0 where that makes it negative. NaN for no weight. Throws a RangeError when the sizes differ.
 */
export function standardDeviations(squares: Float64Array, sums: Float64Array, weight: number): Float64Array {
  if (squares.length !== sums.length) {
    throw new RangeError(`wanted as many sums as squares, but ${sums.length} and ${squares.length} were given`);
  }
  return squares.map((square, j) => Math.sqrt(Math.max(0, square / weight - ((sums[j] as number) / weight) ** 2)));
}

/**
 * Scores |W_ij|·σ[j] (rows, cols), row-major, each rounded once to single precision: `weights` (rows, cols) row-major, `deviations` σ (cols).
 * Throws a RangeError when the sizes do not fit.
 */
export function stadeScore(weights: Float32Array, deviations: Float64Array, rows: number, cols: number): Float32Array {
  if (weights.length !== rows * cols || deviations.length !== cols) {
    const given = `${weights.length} and ${deviations.length}`;
    throw new RangeError(`wanted ${rows} × ${cols} weights and ${cols} standard deviations, but ${given} were given`);
  }
  const scores = new Float32Array(weights.length);
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++, at++) scores[at] = Math.abs(weights[at] as number) * (deviations[j] as number);
  }
  return scores;
}
