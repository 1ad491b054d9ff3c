import { defineScorer, inputNorm, inputRms, numberFromText, regionalGradient, type ScorerPlugin, SecateurError } from "@secateur/kit";
import { f32, firstNotFinite } from "@secateur/tensor";
import { z } from "zod";
import { wandaPlusScore } from "./score.ts";

/** Options of the scorer `wanda-plus`. */
export interface WandaPlusOptions {
  /** What the regional gradient counts beside the RMS norm of the input, at least 0. */
  readonly alpha: number;
  /** What competes with what: each row by itself, as published, or the whole matrix. */
  readonly group: "row" | "matrix";
}

// Option values come from a command line as text. A default stands twice, so that both forms of the JSON Schema, of what comes in and of what
// comes out, show it.
const options = z.strictObject({
  alpha: z
    .preprocess(numberFromText, z.number().min(0))
    .prefault(0.2)
    .default(0.2)
    .meta({ description: "what the regional gradient counts beside the RMS norm of the input; 0: Wanda" }),
  group: z
    .enum(["row", "matrix"])
    .prefault("row")
    .default("row")
    .meta({ description: "what competes with what: each row by itself, as published, or the whole matrix" }),
});

/**
 * Keeps the weights with the largest |W_ij|·(n[j] + α·G_ij), n the RMS norms of the input channels and G the RMS over sequences of the gradient of the block's own output norm
 * (the regional gradient score of Wanda++, arXiv 2503.04992, section 3). There the input's norm is the root of the sum over all T tokens, n·√T, and α is 100: divided by √T,
 * so that the number of tokens does not matter, that is 0.195 for its 128 sequences of 2,048 tokens.
 */
export const wandaPlus: ScorerPlugin<WandaPlusOptions> = defineScorer({
  name: "wanda-plus",
  summary: "absolute values of the weights times the norms of their inputs plus the gradients of their block's output",
  options,
  create: ({ alpha, group }) => ({
    needs: [inputNorm, regionalGradient],
    selection: { group, rule: "exact" },
    async score({ name, weights }, stats) {
      const [rows, cols] = weights.shape as readonly [number, number]; // a linear layer's weights are a matrix
      const norms = inputRms(stats);
      const badNorm = firstNotFinite(norms);
      if (badNorm >= 0) throw notFinite(name, `the norm of input channel ${badNorm} of ${name} is ${norms[badNorm]}`);
      const { squares, weight } = stats.get(regionalGradient) as { squares: Float64Array; weight: Float64Array }; // its sums, by their names
      const sequences = weight[0] as number;
      const scores = wandaPlusScore(weights.data, norms, squares, sequences, rows, cols, alpha);
      const bad = firstNotFinite(scores);
      if (bad >= 0) {
        const place = `row ${Math.floor(bad / cols)}, column ${bad % cols} of ${name}`;
        const gradients = `its squared regional gradients are ${squares[bad]} over ${sequences} sequences`;
        throw notFinite(name, `the score of ${place} is ${scores[bad]}`, gradients);
      }
      return f32(weights.shape, scores);
    },
  }),
});

export default wandaPlus;

function notFinite(tensor: string, found: string, why?: string): SecateurError {
  return new SecateurError("numeric", `${found}, wanted a finite number${why ? `: ${why}` : ""}`, { where: { tensor } });
}
