import { defineScorer, inputNorm, inputRms, type ScorerPlugin, SecateurError } from "@secateur/kit";
import { f32, firstNotFinite } from "@secateur/tensor";
import { z } from "zod";

/** The scorer `wanda` has no options. */
export type WandaOptions = Readonly<Record<string, never>>;

/** Keeps in each row the weights with the largest |W_ij|·n[j], n the RMS norms of the input channels (Wanda, arXiv 2306.11695, section 3). */
export const wanda: ScorerPlugin<WandaOptions> = defineScorer({
  name: "wanda",
  summary: "absolute values of the weights times the norms of their input channels",
  options: z.strictObject({}),
  create: () => ({
    needs: [inputNorm],
    selection: { group: "row", rule: "exact" },
    async score({ name, weights }, stats) {
      const [rows, cols] = weights.shape as readonly [number, number]; // a linear layer's weights are a matrix
      const norms = inputRms(stats);
      const bad = firstNotFinite(norms);
      if (bad >= 0) {
        throw new SecateurError("numeric", `the norm of input channel ${bad} of ${name} is ${norms[bad]}, wanted a finite number`, {
          where: { tensor: name },
        });
      }
      return f32(weights.shape, wandaScore(weights.data, norms, rows, cols));
    },
  }),
});

export default wanda;

/**
 * Scores |W_ij|·n[j] (rows, cols), row-major, in single precision: `weights` (rows, cols) row-major, `norms` (cols).
 * Throws a RangeError when the sizes do not fit.
 */
export function wandaScore(weights: Float32Array, norms: Float32Array | Float64Array, rows: number, cols: number): Float32Array {
  if (weights.length !== rows * cols || norms.length !== cols) {
    throw new RangeError(`wanted ${rows} × ${cols} weights and ${cols} norms, but ${weights.length} and ${norms.length} were given`);
  }
  const norm = norms instanceof Float32Array ? norms : Float32Array.from(norms);
  const scores = new Float32Array(weights.length);
  let at = 0;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++, at++) scores[at] = Math.abs(weights[at] as number) * (norm[j] as number);
  }
  return scores;
}
