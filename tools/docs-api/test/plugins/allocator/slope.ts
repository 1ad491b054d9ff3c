import { defineAllocator, numberFromText } from "@secateur/kit";
import { z } from "zod";

export default defineAllocator({
  name: "slope",
  summary: "ratios that rise, or fall, from the first block to the last",
  options: z.strictObject({
    slope: z.preprocess(numberFromText, z.number().min(-1).max(1)).prefault(0.2).default(0.2).describe("above 0: later blocks lose more"),
  }),
  create: ({ slope }) => ({
    needs: [], // it looks at neither data nor weights, so that it has no `measure`
    allocate(layers, ratio) {
      const sizes = layers.map(({ shape: [rows, cols] }) => rows * cols);
      const whole = sizes.reduce((sum, size) => sum + size, 0);
      const middle = layers.reduce((sum, { block }, i) => sum + block * (sizes[i] as number), 0) / whole;
      const offsets = layers.map(({ block }) => block - middle); // Σ offset·size = 0, so that the budget is met whatever the slope
      const farthest = Math.max(...offsets.map(Math.abs));
      const step = farthest > 0 ? (slope * Math.min(ratio, 1 - ratio)) / farthest : 0; // no ratio leaves 0 to 1
      return offsets.map((offset) => ratio + step * offset);
    },
  }),
});
