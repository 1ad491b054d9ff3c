import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addHistograms, scoreHistogram } from "../src/index.ts";

describe("scoreHistogram", () => {
  it("counts in half octaves, each from its lower end", () => {
    const below = Math.fround(Math.SQRT2 - 1e-7);
    const root = Math.fround(1.4142137); // the next single-precision number
    expect(scoreHistogram(Float32Array.of(1, 1.2, below, root, 1.9, 2, 0.5))).toEqual({ first: -2, counts: [1, 0, 3, 2, 1], rest: 0 });
  });

  it("divides by the unit", () => {
    expect(scoreHistogram(Float32Array.of(8, 6), 4)).toEqual({ first: 1, counts: [1, 1], rest: 0 });
  });

  it("counts apart what is not above 0, or too small", () => {
    expect(scoreHistogram(Float32Array.of(0, -0, -3, 1e-42, 1))).toEqual({ first: 0, counts: [1], rest: 4 });
    expect(scoreHistogram(new Float32Array(3))).toEqual({ first: 0, counts: [], rest: 3 });
    expect(scoreHistogram(new Float32Array(0))).toEqual({ first: 0, counts: [], rest: 0 });
  });

  it("puts every score into the bin that its logarithm says", () => {
    const scores = fc.float({ min: Math.fround(2 ** -126), max: Math.fround(3e38), noNaN: true });
    fc.assert(
      fc.property(scores, (score) => {
        const { first, counts } = scoreHistogram(Float32Array.of(score));
        expect(counts).toEqual([1]);
        // In double precision a bin's end can come out on its other side.
        expect(score).toBeGreaterThanOrEqual(2 ** (first / 2) * (1 - 1e-15));
        expect(score).toBeLessThan(2 ** ((first + 1) / 2) * (1 + 1e-15));
      }),
    );
  });
});

describe("addHistograms", () => {
  it("is the histogram of all scores", () => {
    const scores = fc.array(fc.float({ min: -1, max: Math.fround(1e6), noNaN: true }), { maxLength: 30 });
    fc.assert(
      fc.property(fc.array(scores, { maxLength: 4 }), (parts) => {
        const whole = scoreHistogram(Float32Array.from(parts.flat()));
        expect(addHistograms(parts.map((part) => scoreHistogram(Float32Array.from(part))))).toEqual(whole);
      }),
    );
  });
});
