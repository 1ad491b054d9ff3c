import { defineScorer, inputNorm, inputRms, numberFromText, type ScorerPlugin, SecateurError } from "@secateur/kit";
import { f32, firstNotFinite } from "@secateur/tensor";
import { z } from "zod";
import { riaScore } from "./score.ts";

/** Options of the scorer `ria`. */
export interface RiaOptions {
  /** The power of the input channels' norms, 0 to 1; 0: relative importance alone, which needs no data. */
  readonly exponent: number;
  /** What competes with what: the whole matrix, as published, or each row by itself, as with Wanda. */
  readonly group: "matrix" | "row";
}

// Option values come from a command line as text. A default stands twice, so that both forms of the JSON Schema, of what comes in and of what
// comes out, show it.
const options = z.strictObject({
  exponent: z
    .preprocess(numberFromText, z.number().min(0).max(1))
    .prefault(0.5)
    .default(0.5)
    .meta({ description: "the power of the input channels' norms; 0: weights alone, which needs no data" }),
  group: z
    .enum(["matrix", "row"])
    .prefault("matrix")
    .default("matrix")
    .meta({ description: "what competes with what: the whole matrix, as published, or each row by itself" }),
});

/** Keeps the weights that are large for their row and for their column, times a power of the input's norm (RIA, arXiv 2402.12997, section 3.2). */
export const ria: ScorerPlugin<RiaOptions> = defineScorer({
  name: "ria",
  summary: "the weights' shares of their rows and columns times a power of the input channels' norms",
  options,
  create: ({ exponent, group }) => ({
    needs: exponent > 0 ? [inputNorm] : [],
    selection: { group, rule: "exact" },
    degree: exponent,
    async score({ name, weights }, stats) {
      const [rows, cols] = weights.shape as readonly [number, number]; // a linear layer's weights are a matrix
      const norms = exponent > 0 ? inputRms(stats) : new Float64Array(cols).fill(1);
      const bad = firstNotFinite(norms);
      if (bad >= 0) {
        throw new SecateurError("numeric", `the norm of input channel ${bad} of ${name} is ${norms[bad]}, wanted a finite number`, {
          where: { tensor: name },
        });
      }
      return f32(weights.shape, riaScore(weights.data, norms, rows, cols, exponent));
    },
  }),
});

export default ria;
