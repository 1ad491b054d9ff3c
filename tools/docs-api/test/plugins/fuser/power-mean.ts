import { defineFuser, type FuseInput, inputNorm, numberFromText, type Role } from "@secateur/kit";
import { z } from "zod";

export default defineFuser({
  name: "power-mean",
  summary: "the weighted power mean of the roles' scores, (Σ w·s^p)^(1/p)",
  options: z.strictObject({
    p: z
      .preprocess(numberFromText, z.number().min(1))
      .prefault(2)
      .default(2)
      .describe("1 is the mean; the larger, the nearer to the largest"),
  }),
  create: ({ p }) => ({
    needs: [inputNorm], // for `norms`
    reads: "all",
    fuse(input) {
      const scores = new Float32Array(input.shape[0] * input.shape[1]);
      for (const [role, own] of input.scores) {
        const [weight, level] = [input.weights.get(role) ?? 0, levelOf(input, role)];
        own.forEach((score, i) => {
          scores[i] = (scores[i] as number) + weight * (score / level) ** p;
        });
      }
      return { scores: scores.map((sum) => sum ** (1 / p)) };
    },
  }),
});

/** What a role's scores are divided by to stand beside another role's: its gradients' level over the model, or that of the layer's inputs. */
function levelOf({ norms, degree, levels }: FuseInput, role: Role): number {
  const level = levels?.get(role) ?? Math.hypot(...(norms.get(role) ?? [])) ** degree;
  return level > 0 ? level : 1;
}
