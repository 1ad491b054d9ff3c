import { booleanFromText, defineScorer, type ScorerPlugin } from "@secateur/kit";
import { f32 } from "@secateur/tensor";
import { z } from "zod";
import { magnitudeScore } from "./score.ts";

/** Options of the scorer `magnitude`. */
export interface MagnitudeOptions {
  /** Prune exactly the asked ratio of each matrix; false: everything not above the score at that position, as the published code does. */
  readonly exact: boolean;
}

// Option values come from a command line as text. The default stands twice so that both forms of the JSON Schema, of what comes in and of what
// comes out, show it.
const options = z.strictObject({
  exact: z
    .preprocess(booleanFromText, z.boolean())
    .prefault(true)
    .default(true)
    .meta({ description: "prune exactly the ratio of each matrix; false: the published rule, which prunes one weight and all ties more" }),
});

/** Keeps the largest weights of each matrix; needs no data. */
export const magnitude: ScorerPlugin<MagnitudeOptions> = defineScorer({
  name: "magnitude",
  summary: "absolute values of the weights; needs no data",
  options,
  fusion: "shared-exclusive", // the roles' activations are in their partition alone
  create: ({ exact }) => ({
    needs: [],
    selection: { group: "matrix", rule: exact ? "exact" : "threshold" },
    score: async ({ weights }) => f32(weights.shape, magnitudeScore(weights.data)),
  }),
});

export default magnitude;
