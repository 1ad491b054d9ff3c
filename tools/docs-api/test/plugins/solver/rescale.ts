import { defineScorer, gram, inputNorm, inputRms } from "@secateur/kit";
import { f32 } from "@secateur/tensor";
import { z } from "zod";

export default defineScorer({
  name: "rescale",
  summary: "Wanda's choice; what stays of each row is scaled to be nearest to the row's outputs.",
  options: z.strictObject({}),
  create: () => ({
    needs: [inputNorm, gram],
    selection: { group: "row", rule: "exact" },
    async solve({ weights: { shape, data } }, { roles, mixture }, select) {
      const [rows, cols] = shape as [number, number];
      const scores = new Map(
        [...roles].map(([role, stats]) => {
          const norms = inputRms(stats); // (in)
          return [
            role,
            f32(
              shape,
              data.map((weight, i) => Math.abs(weight) * (norms[i % cols] as number)),
            ),
          ] as const;
        }),
      );
      const mask = select.choose(scores, 0); // all columns at once, (out, in)

      const sums = mixture.get(gram).gram as Float64Array; // XᵀωX (in, in)
      const weights = data.map((weight, i) => weight * (mask[i] as number));
      for (let start = 0; start < rows * cols; start += cols) {
        const [row, kept] = [data.subarray(start, start + cols), weights.subarray(start, start + cols)];
        const factor = product(row, sums, kept) / product(kept, sums, kept); // least squares: argmin ‖X(w − a·ŵ)‖²
        for (let j = 0; j < cols; j++) {
          const alive = (sums[j * cols + j] as number) > 0; // a channel without data says nothing of its weights
          if (alive && Number.isFinite(factor)) kept[j] = (kept[j] as number) * factor;
        }
      }
      return { weights: f32(shape, weights), mask };
    },
  }),
});

/** aᵀ·G·b for G (n, n), row-major. */
function product(a: Float32Array, G: Float64Array, b: Float32Array): number {
  const n = a.length;
  let total = 0;
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) total += (a[i] as number) * (G[i * n + j] as number) * (b[j] as number);
  return total;
}
