import { programBuilder } from "@secateur/graph";
import type { Tensor } from "@secateur/tensor";
import { expect, it } from "vitest";
import { fisher, gram, inputNorm, outputGradient, regionalGradient } from "../../src/index.ts";
import { evaluateProgram } from "../../src/testing/program-oracle.ts";
import { layerOf, randomSample, type Sample, statsOf, together, withRowsReversed } from "../../src/testing/sample.ts";

const NEEDS = [inputNorm, gram, outputGradient, fisher, regionalGradient];

it.each(NEEDS.map((need) => [need.id, need] as const))("%s of a sample is what its reduce gives of one token a sequence", (_, need) => {
  const sample = randomSample(1, 3, 5, 4);
  const b = programBuilder({ in: 5, out: 3 });
  const [x, g] = [b.input("x", ["batch", "tokens", "in"]), b.input("g", ["batch", "tokens", "out"])];
  const program = b.build(need.reduce(b, need.of === "input" ? x : g, b.input("tokenWeights", ["batch", "tokens"]), x));
  const given = { x: doubles(sample.inputs), g: doubles(sample.gradients), tokenWeights: doubles(sample.tokenWeights) };
  const found = evaluateProgram(program, given, { batch: 4, tokens: 1 });
  const sums = statsOf(sample, [need]).get(need);
  expect(Object.keys(sums).sort()).toEqual(Object.keys(found).sort());
  for (const [name, wanted] of Object.entries(sums)) {
    const merged = new Float64Array(wanted.length); // a leading batch axis is merged by adding
    found[name]?.data.forEach((value, k) => {
      merged[k % merged.length] = (merged[k % merged.length] as number) + value;
    });
    for (const [k, value] of wanted.entries()) expect(merged[k]).toBeCloseTo(value, 12); // double precision
  }
});

const small: Sample = {
  rows: 2,
  cols: 2,
  weights: Float32Array.of(1, 2, 3, 4),
  inputs: Float64Array.of(1, 2, 3, 0), // two tokens
  gradients: Float64Array.of(5, -1, 0, 2),
  tokenWeights: Float64Array.of(1, 0.5),
};

it("gives statistics that were worked out by hand, gradients not weighed again", () => {
  const stats = statsOf(small, NEEDS);
  expect(stats.get(outputGradient)).toEqual({ squares: Float64Array.of(25, 5), weight: Float64Array.of(1.5) });
  expect(stats.get(fisher)).toEqual({ squares: Float64Array.of(25, 100, 1 + 36, 4), weight: Float64Array.of(1.5) });
  expect(stats.get(regionalGradient)).toEqual({ squares: Float64Array.of(25, 100, 1 + 36, 4), weight: Float64Array.of(2) });
});

it("turns rows with their gradients, and joins tokens with theirs", () => {
  const { weights, gradients, inputs } = withRowsReversed(small);
  expect([weights, gradients, inputs]).toEqual([Float32Array.of(3, 4, 1, 2), Float64Array.of(-1, 5, 2, 0), small.inputs]);
  const twice = statsOf(together([small, small]), NEEDS);
  expect(twice.get(regionalGradient)).toEqual({ squares: Float64Array.of(50, 200, 74, 8), weight: Float64Array.of(4) });
  expect(twice.get(outputGradient)).toEqual({ squares: Float64Array.of(50, 10), weight: Float64Array.of(3) });
});

it("gives the gradients of a random sample's outputs sizes of their own", () => {
  const sample = randomSample(1, 6, 16);
  const { squares } = statsOf(sample, [outputGradient]).get(outputGradient) as { squares: Float64Array };
  expect(squares).toHaveLength(layerOf(sample).weights.shape[0] as number);
  expect(Math.max(...squares) / Math.min(...squares)).toBeGreaterThan(4);
});

function doubles(data: Float64Array): Tensor {
  return { dtype: "F32", shape: [data.length], data } as unknown as Tensor; // the oracle takes any numbers
}
