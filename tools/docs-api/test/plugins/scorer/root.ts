import { defineScorer, inputNorm, inputRms, numberFromText } from "@secateur/kit";
import { f32 } from "@secateur/tensor";
import { z } from "zod";

export default defineScorer({
  name: "root",
  summary: "Absolute weights times a power of the input norm, |W|·n^p.",
  options: z.strictObject({
    power: z.preprocess(numberFromText, z.number().positive()).prefault(0.5).default(0.5).describe("p; 1 is Wanda"),
  }),
  create: ({ power }) => ({
    needs: [inputNorm],
    selection: { group: "row", rule: "exact" },
    degree: power, // inputs times 4 make these scores 4^p times as large
    async score({ weights: { shape, data } }, stats) {
      const factors = inputRms(stats).map((norm) => norm ** power); // (in)
      return f32(
        shape,
        data.map((weight, i) => Math.abs(weight) * (factors[i % factors.length] as number)),
      );
    },
  }),
});
