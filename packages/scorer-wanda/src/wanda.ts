import { defineScorer, inputNorm, inputRms, type ScorerPlugin, SecateurError } from "@secateur/kit";
import { f32, firstNotFinite } from "@secateur/tensor";
import { z } from "zod";
import { wandaScore } from "./score.ts";

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
