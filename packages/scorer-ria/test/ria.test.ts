import { inputNorm, type RoleStats, type Scorer, SecateurError } from "@secateur/kit";
import { parseOptions } from "@secateur/kit/node";
import { describeScorer, layerOf, randomSample } from "@secateur/kit/testing";
import { markLowest } from "@secateur/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import byDefault, { type RiaOptions, ria, riaScore } from "../src/index.ts";

describeScorer({ describe, it }, ria);
for (const options of [{ exponent: 1 }, { exponent: 0 }, { group: "row" }]) {
  describe(JSON.stringify(options), () => describeScorer({ describe, it }, ria, { options }));
}

describe("riaScore", () => {
  it("is what was worked out by hand", () => {
    // Column sums 4 4 2, row sums 4 6, norms' roots 1 2 3.
    const weights = Float32Array.of(1, -3, 0, -3, 1, 2);
    const wanted = [1 / 4 + 1 / 4, 2 * (3 / 4 + 3 / 4), 0, 3 / 4 + 3 / 6, 2 * (1 / 4 + 1 / 6), 3 * (2 / 2 + 2 / 6)];
    riaScore(weights, Float64Array.of(1, 4, 9), 2, 3, 0.5).forEach((score, k) => {
      expect(score).toBe(Math.fround(wanted[k] as number));
    });
  });

  it("scores rows and columns that are all zero 0", () => {
    expect([...riaScore(Float32Array.of(0, 0, 0, 2), Float64Array.of(1, 1), 2, 2, 0.5)]).toEqual([0, 0, 0, 2]);
    expect([...riaScore(new Float32Array(4), Float64Array.of(1, 1), 2, 2, 0)]).toEqual([0, 0, 0, 0]);
  });

  it("gives shares that add up to one over each column, and over each row", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }), (seed, rows, cols) => {
        const { weights } = randomSample(seed, rows, cols);
        const total = riaScore(weights, new Float64Array(cols), rows, cols, 0).reduce((sum, score) => sum + score, 0);
        expect(total).toBeCloseTo(rows + cols, 4); // single precision
      }),
    );
  });

  it("does not change with the scale of the weights", () => {
    const { weights } = randomSample(1, 4, 8);
    const norms = Float64Array.from({ length: 8 }, (_, j) => j);
    const scaled = weights.map((w) => w * 8);
    expect(riaScore(scaled, norms, 4, 8, 0.5)).toEqual(riaScore(weights, norms, 4, 8, 0.5));
  });

  it("refuses sizes that do not fit", () => {
    expect(() => riaScore(new Float32Array(5), new Float64Array(3), 2, 3, 0.5)).toThrow(
      "wanted 2 × 3 weights and 3 norms, but 5 and 3 were given",
    );
    expect(() => riaScore(new Float32Array(6), new Float64Array(2), 2, 3, 0.5)).toThrow(
      "wanted 2 × 3 weights and 3 norms, but 6 and 2 were given",
    );
  });

  it("does what the README's example says", () => {
    const scores = riaScore(Float32Array.of(4, 4, 4, 2, 0.1, 0.1), Float64Array.of(1, 1, 1), 2, 3, 0.5);
    const mask = new Uint8Array(6);
    markLowest(scores, 3, mask, new Float32Array(6));
    expect([...mask]).toEqual([0, 1, 1, 1, 0, 0]);
  });
});

describe("ria", () => {
  it.each<[Record<string, unknown>, RiaOptions]>([
    [{}, { exponent: 0.5, group: "matrix" }],
    [
      { exponent: "1", group: "row" },
      { exponent: 1, group: "row" },
    ],
    [{ exponent: "0" }, { exponent: 0, group: "matrix" }],
  ])("%j is understood", async (given, wanted) => {
    const { exponent, group } = await parseOptions(ria, given);
    expect({ exponent, group }).toEqual(wanted);
    const made = ria.create(wanted) as Scorer; // it is no solver
    expect(made).toMatchObject({
      selection: { group: wanted.group, rule: "exact" },
      degree: wanted.exponent,
      needs: wanted.exponent > 0 ? [inputNorm] : [],
    });
  });

  it.each([
    [{ exponent: "-0.1" }, 'option "exponent": Too small: expected number to be >=0'],
    [{ exponent: 1.5 }, 'option "exponent": Too big: expected number to be <=1'],
    [{ exponent: "half" }, 'option "exponent": Invalid input: expected number, received string'],
    [{ exponent: Number.NaN }, 'option "exponent": Invalid input: expected number, received NaN'],
    [{ group: "column" }, 'option "group": Invalid option: expected one of "matrix"|"row"'],
    [{ exponents: 1 }, 'no option is called "exponents"; did you mean "exponent"?'],
  ])("%j is refused: %s", async (given, complaint) => {
    await expect(parseOptions(ria, given)).rejects.toEqual(
      new SecateurError(
        "usage",
        `scorer "ria": ${complaint}; its options are exponent (number, default 0.5), group ("matrix" | "row", default "matrix")`,
      ),
    );
  });

  it("is the package's default export", () => expect(byDefault).toBe(ria));

  it("refuses statistics of no tokens, naming the layer", async () => {
    const stats: RoleStats = { get: () => ({ squares: new Float64Array(2), weight: new Float64Array(1) }) };
    const made = ria.create({ exponent: 0.5, group: "matrix" }) as Scorer; // it is no solver
    const refusal = made.score(layerOf(randomSample(1, 1, 2)), stats, {} as never); // it computes without a backend
    await expect(refusal).rejects.toThrow("the norm of input channel 0 of blocks.0.up.weight is NaN, wanted a finite number");
    await expect(refusal).rejects.toMatchObject({ code: "numeric", where: { tensor: "blocks.0.up.weight" } });
  });
});
