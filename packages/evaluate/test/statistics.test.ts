import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { estimate, pooledLoss } from "../src/index.ts";

describe("pooled losses", () => {
  it("weigh each answer by its tokens: not a mean of means", () => {
    const { loss, tokens } = pooledLoss([
      { loss: 2, tokens: 1 },
      { loss: 10, tokens: 20 },
    ]);
    expect(Math.exp(loss)).toBeCloseTo(1.77079, 5); // the mean of the two means would give 3.49034
    expect(tokens).toBe(21);
  });

  it("do not depend on how tokens are grouped", () => {
    const document = fc.record({ loss: fc.double({ min: 0, max: 100, noNaN: true }), tokens: fc.integer({ min: 1, max: 50 }) });
    fc.assert(
      fc.property(fc.array(document, { minLength: 2, maxLength: 20 }), ([first, ...rest]) => {
        const [second, ...others] = rest;
        const merged = { loss: (first?.loss ?? 0) + (second?.loss ?? 0), tokens: (first?.tokens ?? 0) + (second?.tokens ?? 0) };
        const all = [first, second, ...others].filter((one) => one !== undefined);
        expect(pooledLoss([merged, ...others]).loss).toBeCloseTo(pooledLoss(all).loss, 10);
      }),
    );
  });
});

describe("an estimate", () => {
  it("is the mean and its standard error", () => {
    expect(estimate([1, 0, 1, 1])).toEqual({ value: 0.75, standardError: 0.25 }); // √(0.75 / 3 / 4)
    expect(estimate([0.5])).toEqual({ value: 0.5, standardError: 0 });
  });
});
