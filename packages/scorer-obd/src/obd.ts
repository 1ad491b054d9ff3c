import { defineScorer, fisher, numberFromText, type ScorerPlugin, SecateurError, type Selection } from "@secateur/kit";
import { f32, firstNotFinite } from "@secateur/tensor";
import { z } from "zod";
import { obdScore } from "./score.ts";

/** Options of the scorer `obd`. */
export interface ObdOptions {
  /** What competes with what: each row, each matrix, each block or the whole model. */
  readonly group: Selection["group"];
  /** In groups beyond the matrix: how far each matrix's ratio may be from the asked one, 0 to 1. */
  readonly band: number;
}

// Option values come from a command line as text. A default stands twice, so that both forms of the JSON Schema, of what comes in and of what
// comes out, show it.
const options = z.strictObject({
  group: z
    .enum(["row", "matrix", "block", "model"])
    .prefault("model")
    .default("model")
    .meta({ description: "what competes with what: each row, each matrix, each block or the whole model" }),
  band: z
    .preprocess(numberFromText, z.number().min(0).max(1))
    .prefault(0.2)
    .default(0.2)
    .meta({ description: "in groups beyond the matrix: how far each matrix's ratio may be from the asked one" }),
});

/**
 * Keeps the weights with the largest |W_ij|·√(F_ij/T), F_ij/T a token's share of the empirical Fisher information's diagonal. The square is twice what the loss
 * grows by without the weight, to second order, as in Optimal Brain Damage (LeCun, Denker and Solla 1989, section 2), whose second derivatives F stands for.
 */
export const obd: ScorerPlugin<ObdOptions> = defineScorer({
  name: "obd",
  summary: "absolute values of the weights times the roots of their Fisher information",
  options,
  create: ({ group, band }) => ({
    needs: [fisher],
    selection: { group, rule: "exact", ...((group === "block" || group === "model") && { band }) },
    async score({ name, weights }, stats) {
      const [rows, cols] = weights.shape as readonly [number, number]; // a linear layer's weights are a matrix
      const { squares, weight } = stats.get(fisher) as { squares: Float64Array; weight: Float64Array }; // its sums, by their names
      const tokens = weight[0] as number;
      const scores = obdScore(weights.data, squares, tokens, rows, cols);
      const bad = firstNotFinite(scores);
      if (bad >= 0) {
        const place = `row ${Math.floor(bad / cols)}, column ${bad % cols} of ${name}`;
        throw new SecateurError(
          "numeric",
          `the score of ${place} is ${scores[bad]}, wanted a finite number: its Fisher information is ${squares[bad]} over ${tokens} tokens`,
          { where: { tensor: name } },
        );
      }
      return f32(weights.shape, scores);
    },
  }),
});

export default obd;
