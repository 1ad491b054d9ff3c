import { fisher, gradientRms, inputNorm, inputRms, outputGradient, type RoleStats, type Scorer, SecateurError } from "@secateur/kit";
import { parseOptions } from "@secateur/kit/node";
import { describeScorer, layerOf, randomSample, statsOf } from "@secateur/kit/testing";
import { markLowest } from "@secateur/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import byDefault, { type ObdOptions, obd, obdScore } from "../src/index.ts";

describeScorer({ describe, it }, obd);
for (const options of [{ group: "row" }, { group: "matrix" }, { group: "block", band: 0 }, { group: "model", band: "1" }]) {
  describe(JSON.stringify(options), () => describeScorer({ describe, it }, obd, { options }));
}

describe("obdScore", () => {
  it("is |W_ij|·√(F_ij/T), rounded once to single precision", () => {
    const pair = fc.tuple(fc.float({ noNaN: true, min: -1e9, max: 1e9 }), fc.double({ noNaN: true, min: 0, max: 1e18 }));
    fc.assert(
      fc.property(fc.array(pair, { minLength: 1, maxLength: 12 }), fc.double({ min: 0.25, max: 1e9, noNaN: true }), (pairs, tokens) => {
        const [weights, squares] = [Float32Array.from(pairs, ([w]) => w), Float64Array.from(pairs, ([, sum]) => sum)];
        const wanted = pairs.map(([w, sum]) => Math.fround(Math.abs(w) * Math.sqrt(sum / tokens)));
        expect([...obdScore(weights, squares, tokens, 1, pairs.length)]).toEqual(wanted);
        expect([...obdScore(weights, squares, tokens, pairs.length, 1)]).toEqual(wanted);
      }),
    );
  });

  it("is what was worked out by hand, of sums in single precision too", () => {
    const weights = Float32Array.of(1, -2, 0, -3, 4, 0.5);
    const squares = [8, 18, 50, 0, 2, 32]; // of 2 tokens: roots 2 3 5 0 1 4
    expect([...obdScore(weights, Float64Array.from(squares), 2, 2, 3)]).toEqual([2, 6, 0, 0, 4, 2]);
    expect([...obdScore(weights, Float32Array.from(squares), 2, 2, 3)]).toEqual([2, 6, 0, 0, 4, 2]);
  });

  it("keeps a product whose sum is beyond single precision", () => {
    expect(obdScore(Float32Array.of(2), Float64Array.of(1e-60), 1, 1, 1)[0]).toBe(Math.fround(2e-30));
  });

  it.each([
    [5, 6, "5 and 6"],
    [6, 3, "6 and 3"],
    [0, 0, "0 and 0"],
  ])("refuses %i weights and %i squares for 2 × 3", (weights, squares, given) => {
    expect(() => obdScore(new Float32Array(weights), new Float64Array(squares), 1, 2, 3)).toThrow(
      new RangeError(`wanted 2 × 3 weights and squares, but ${given} were given`),
    );
  });

  it("does what the README's example says", () => {
    const scores = obdScore(Float32Array.of(5, 1, 2, 3), Float64Array.of(0, 36, 4, 4), 4, 2, 2);
    expect([...scores]).toEqual([0, 3, 2, 3]);
    const mask = new Uint8Array(4);
    markLowest(scores, 2, mask, new Float32Array(4));
    expect([...mask]).toEqual([0, 1, 0, 1]);
  });
});

describe("obd", () => {
  it.each<[Record<string, unknown>, ObdOptions, Scorer["selection"]]>([
    [{}, { group: "model", band: 0.2 }, { group: "model", rule: "exact", band: 0.2 }],
    [{ band: "0" }, { group: "model", band: 0 }, { group: "model", rule: "exact", band: 0 }],
    [
      { group: "block", band: 1 },
      { group: "block", band: 1 },
      { group: "block", rule: "exact", band: 1 },
    ],
    [{ group: "matrix" }, { group: "matrix", band: 0.2 }, { group: "matrix", rule: "exact" }],
    [{ group: "row" }, { group: "row", band: 0.2 }, { group: "row", rule: "exact" }],
  ])("%j is understood", async (given, wanted, selection) => {
    const options = await parseOptions(obd, given);
    expect(options).toEqual(wanted);
    const { needs, degree, selection: made } = obd.create(options) as Scorer; // it is no solver
    expect({ needs, degree, selection: made }).toEqual({ needs: [fisher], degree: undefined, selection });
  });

  it.each([
    [{ band: "-0.1" }, 'option "band": Too small: expected number to be >=0'],
    [{ band: 1.5 }, 'option "band": Too big: expected number to be <=1'],
    [{ band: "wide" }, 'option "band": Invalid input: expected number, received string'],
    [{ group: "column" }, 'option "group": Invalid option: expected one of "row"|"matrix"|"block"|"model"'],
    [{ groups: "row" }, 'no option is called "groups"; did you mean "group"?'],
  ])("%j is refused: %s", async (given, complaint) => {
    const known = 'group ("row" | "matrix" | "block" | "model", default "model"), band (number, default 0.2)';
    await expect(parseOptions(obd, given)).rejects.toEqual(
      new SecateurError("usage", `scorer "obd": ${complaint}; its options are ${known}`),
    );
  });

  it("is the package's default export", () => expect(byDefault).toBe(obd));

  it("takes the information of a token from the statistics", async () => {
    expect([...(await score([16, 36], 4)).data]).toEqual([2 * 2, 1 * 3]);
  });

  it("is the product of both sides' norms where there is one token", async () => {
    const sample = randomSample(4, 3, 5, 1);
    const stats = statsOf(sample, [fisher, inputNorm, outputGradient]);
    const { data } = await (obd.create({ group: "row", band: 1 }) as Scorer).score(layerOf(sample), stats, {} as never); // no solver, no backend
    const [gradients, norms] = [gradientRms(stats), inputRms(stats)];
    data.forEach((score, k) => {
      const wanted = Math.abs(sample.weights[k] as number) * (gradients[Math.floor(k / 5)] as number) * (norms[k % 5] as number);
      expect(score / wanted).toBeCloseTo(1, 6); // single precision
    });
  });

  it.each([
    ["no tokens", [0, 0], 0, "column 0 of blocks.0.up.weight is NaN, wanted a finite number: its Fisher information is 0 over 0 tokens"],
    [
      "infinite sums",
      [1, Infinity],
      2,
      "column 1 of blocks.0.up.weight is Infinity, wanted a finite number: its Fisher information is Infinity over 2 tokens",
    ],
    [
      "sums below 0",
      [1, -1],
      2,
      "column 1 of blocks.0.up.weight is NaN, wanted a finite number: its Fisher information is -1 over 2 tokens",
    ],
    [
      "sums too large for a score",
      [1e300, 1],
      1,
      "column 0 of blocks.0.up.weight is Infinity, wanted a finite number: its Fisher information is 1e+300 over 1 tokens",
    ],
  ])("refuses statistics of %s, naming the layer", async (_, squares, tokens, message) => {
    const refusal = score(squares, tokens);
    await expect(refusal).rejects.toThrow(`the score of row 0, ${message}`);
    await expect(refusal).rejects.toMatchObject({ code: "numeric", where: { tensor: "blocks.0.up.weight" } });
  });
});

async function score(squares: number[], tokens: number) {
  const stats: RoleStats = { get: () => ({ squares: Float64Array.from(squares), weight: Float64Array.of(tokens) }) };
  const scorer = obd.create({ group: "model", band: 0.2 }) as Scorer; // it is no solver
  const layer = layerOf({ ...randomSample(1, 1, 2), weights: Float32Array.of(-2, 1) });
  return scorer.score(layer, stats, {} as never); // it computes without a backend
}
