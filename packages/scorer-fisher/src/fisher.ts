import {
  defineScorer,
  gradientRms,
  inputNorm,
  inputRms,
  numberFromText,
  outputGradient,
  type Scorer,
  type ScorerPlugin,
  SecateurError,
  type Selection,
} from "@secateur/kit";
import { f32, firstNotFinite } from "@secateur/tensor";
import { z } from "zod";
import { fisherScore } from "./score.ts";

/** Options of the scorer `fisher`. */
export interface FisherOptions {
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
  band: bandOption("in groups beyond the matrix: how far each matrix's ratio may be from the asked one"),
});

/**
 * Keeps the weights with the largest |W_ij|·g[i]·n[j], n the RMS norms of the input channels and g those of the loss's gradient at the output channels. The square is
 * twice what the loss grows by to second order (Optimal Brain Damage, LeCun, Denker and Solla 1989) where the Hessian is the Fisher information, as a Kronecker
 * product of the layer's two sides (K-FAC, arXiv 1503.05671, section 3) of which only the diagonal is kept.
 */
export const fisher: ScorerPlugin<FisherOptions> = defineScorer({
  name: "fisher",
  summary: "absolute values of the weights times the norms of their inputs and of the loss's gradient at their outputs",
  options,
  create: fisherScorer,
});

export default fisher;

/** The option `band` of the scorer and of the allocator, 0 to 1. */
export function bandOption(description: string): z.ZodType<number> {
  return z.preprocess(numberFromText, z.number().min(0).max(1)).prefault(0.2).default(0.2).meta({ description });
}

/** The scorer itself, with options that are known to be right. */
export function fisherScorer({ group, band }: FisherOptions): Scorer {
  const beyondTheMatrix = group === "block" || group === "model";
  return {
    needs: [inputNorm, outputGradient],
    selection: { group, rule: "exact", ...(beyondTheMatrix && { band }) },
    async score({ name, weights }, stats) {
      const [rows, cols] = weights.shape as readonly [number, number]; // a linear layer's weights are a matrix
      const norms = finite(inputRms(stats), "norm of input channel", name);
      const gradients = finite(gradientRms(stats), "gradient of output channel", name);
      return f32(weights.shape, fisherScore(weights.data, gradients, norms, rows, cols));
    },
  };
}

function finite(values: Float64Array, what: string, tensor: string): Float64Array {
  const bad = firstNotFinite(values);
  if (bad < 0) return values;
  throw new SecateurError("numeric", `the ${what} ${bad} of ${tensor} is ${values[bad]}, wanted a finite number`, { where: { tensor } });
}
