import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { combinedLoss, estimate, pooledLoss } from "../src/index.ts";

describe("pooled losses", () => {
  it("weigh each answer by its tokens: not a mean of means", () => {
    const { value, tokens } = pooledLoss([
      { loss: 2, tokens: 1 },
      { loss: 10, tokens: 20 },
    ]);
    expect(Math.exp(value)).toBeCloseTo(1.77079, 5); // the mean of the two means would give 3.49034
    expect(tokens).toBe(21);
  });

  it("do not depend on how tokens are grouped", () => {
    const document = fc.record({ loss: fc.double({ min: 0, max: 100, noNaN: true }), tokens: fc.integer({ min: 1, max: 50 }) });
    fc.assert(
      fc.property(fc.array(document, { minLength: 2, maxLength: 20 }), ([first, ...rest]) => {
        const [second, ...others] = rest;
        const merged = { loss: (first?.loss ?? 0) + (second?.loss ?? 0), tokens: (first?.tokens ?? 0) + (second?.tokens ?? 0) };
        const all = [first, second, ...others].filter((one) => one !== undefined);
        expect(pooledLoss([merged, ...others]).value).toBeCloseTo(pooledLoss(all).value, 10);
      }),
    );
  });
});

describe("a combination of losses", () => {
  const documents = [
    { loss: 2, tokens: 1 },
    { loss: 10, tokens: 20 },
    { loss: 3, tokens: 2 },
  ];

  it("is paired: a model that is worse by the same for every token is so without a doubt", () => {
    const worse = documents.map(({ loss, tokens }) => ({ loss: loss + 0.5 * tokens, tokens }));
    const { value, standardError } = combinedLoss([
      { factor: 1, documents: worse },
      { factor: -1, documents },
    ]);
    expect(value).toBeCloseTo(0.5, 12);
    expect(standardError).toBeCloseTo(0, 12);
  });

  it("has the standard error of the mean where all documents are of one length", () => {
    const losses = [1, 4, 2, 8];
    const { value, standardError } = combinedLoss([{ factor: 2, documents: losses.map((loss) => ({ loss, tokens: 1 })) }]);
    const { value: mean, standardError: one } = estimate(losses);
    expect([value, standardError]).toEqual([2 * mean, expect.closeTo(2 * one, 12)]);
  });

  it("is refused of other documents", () => {
    const shorter = { factor: 1, documents: documents.slice(1) };
    expect(() => combinedLoss([{ factor: 1, documents }, shorter])).toThrow(
      "losses of 2 documents and 22 tokens stand beside those of 3 and 23",
    );
  });
});

describe("an estimate", () => {
  it("is the mean and its standard error", () => {
    expect(estimate([1, 0, 1, 1])).toEqual({ value: 0.75, standardError: 0.25 }); // √(0.75 / 3 / 4)
    expect(estimate([0.5])).toEqual({ value: 0.5, standardError: 0 });
  });
});
