import { defineScorer, inputNorm, inputRms, numberFromText } from "@secateur/kit";
import { f32 } from "@secateur/tensor";
import { z } from "zod";

export default defineScorer({
  name: "power",
  summary: "A power of the weights' absolute values times the input norm.",
  options: z.strictObject({
    power: z.preprocess(numberFromText, z.number().positive()).prefault(0.5).default(0.5).describe("1 is Wanda."),
  }),
  create: ({ power }) => ({
    needs: [inputNorm],
    selection: { group: "row", rule: "exact" },
    async score({ weights: { shape, data } }, stats) {
      const norms = inputRms(stats); // (in)
      const scores = data.map((weight, i) => Math.abs(weight) ** power * (norms[i % norms.length] as number)); // (out, in)
      return f32(shape, scores);
    },
  }),
});
