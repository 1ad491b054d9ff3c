import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { likeliestTokens, logSumExp } from "../src/index.ts";

// Small whole numbers tie often.
const logits = fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 1, maxLength: 30 }).map((values) => Float32Array.from(values));

describe("the likeliest tokens", () => {
  it("are the first of all by their logits, of equal ones the lower id first", () => {
    fc.assert(
      fc.property(logits, fc.integer({ min: 0, max: 35 }), (given, count) => {
        const sorted = [...given.keys()].sort((a, b) => (given[b] as number) - (given[a] as number) || a - b);
        const { ids, logProbs } = likeliestTokens(given, count);
        expect([...ids]).toEqual(sorted.slice(0, count));
        for (const [i, id] of ids.entries()) expect(logProbs[i]).toBe(Math.fround((given[id] as number) - logSumExp(given)));
      }),
    );
  });

  it("have probabilities that add up to 1, however large the logits", () => {
    fc.assert(
      fc.property(logits, fc.constantFrom(-5000, 0, 5000), (given, shift) => {
        const moved = given.map((logit) => logit + shift);
        const { logProbs } = likeliestTokens(moved, moved.length);
        // Logarithms in single precision are right to some 1e-7 of numbers below 20.
        expect(logProbs.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 5);
      }),
    );
  });

  it("are not finite where a logit is none", () => expect(logSumExp(Float32Array.of(1, Number.NaN, 2))).toBeNaN());
});
