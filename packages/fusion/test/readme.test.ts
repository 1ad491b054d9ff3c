import { wandaScore } from "@secateur/scorer-wanda";
import { expect, it } from "vitest";
import { apportion, fuseSharedExclusive, maskUnstructured, meetBudget, partitionShares, rankedCounts } from "../src/index.ts";

it("does what the README's example says", () => {
  const [rows, cols] = [2, 4];
  const weights = Float32Array.of(0.9, -0.2, 0.5, 0.4, 0.1, 0.8, -0.3, 0.6); // (rows, cols)
  const norms = new Map([
    ["general", Float64Array.of(1, 1, 1, 1)],
    ["math", Float64Array.of(1, 4, 1, 0.25)],
  ]);
  const input = {
    roles: ["general", "math"],
    weights: new Map([
      ["general", 0.5],
      ["math", 0.5],
    ]),
    shape: [rows, cols],
    scores: new Map([...norms].map(([role, of]) => [role, wandaScore(weights, of, rows, cols)])),
    norms,
    firstColumn: 0,
    degree: 1,
    selection: { group: "row", rule: "exact" },
  } as const;
  const { scores, partition } = fuseSharedExclusive(input, { tau: 0.1, boost: 0, level: "geometric", kappa: 4 });
  expect(partitionShares(partition)).toEqual({ shared: 2, exclusive: { general: 1, math: 1 } });
  const half = (of: Float32Array): number[] => [...maskUnstructured(of, rows, cols, 0.5, input.selection).mask];
  expect(half(scores)).toEqual([1, 1, 0, 0, 0, 1, 0, 1]);
  expect(half(wandaScore(weights, Float64Array.of(1, 1, 1, 1), rows, cols))).toEqual([1, 0, 1, 0, 0, 1, 0, 1]);
});

it("does what the README's example of competing matrices says", async () => {
  const scores = [Float32Array.of(1, 2, 3, 4), Float32Array.of(5, 6, 7, 8)];
  const matrices = scores.map(({ length }, block) => ({ size: length, block }));
  const counts = await rankedCounts(matrices, 0.5, { group: "model", band: 0.25 }, async (i) => scores[i] as Float32Array);
  expect(counts).toEqual([3, 1]);
});

it("does what the README's example of ratios says", () => {
  const sizes = [100, 300, 5];
  const ratios = meetBudget([0.2, 0.9, 0.9], sizes, 0.5, [0.3, 0.6]);
  expect(ratios).toEqual([0.3, expect.closeTo(0.566, 3), expect.closeTo(0.566, 3)]);
  expect(apportion(ratios, sizes, 0.5)).toEqual([30, 169, 3]);
});
