import { inputNorm, type RoleStats, regionalGradient, type Scorer, SecateurError } from "@secateur/kit";
import { parseOptions } from "@secateur/kit/node";
import { describeScorer, layerOf, randomSample } from "@secateur/kit/testing";
import { markLowest } from "@secateur/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import byDefault, { type WandaPlusOptions, wandaPlus, wandaPlusScore } from "../src/index.ts";

describeScorer({ describe, it }, wandaPlus);
for (const options of [{ alpha: 0 }, { alpha: "100" }, { group: "matrix" }, { alpha: 1e6, group: "row" }]) {
  describe(JSON.stringify(options), () => describeScorer({ describe, it }, wandaPlus, { options }));
}

describe("wandaPlusScore", () => {
  it("is |W_ij|·(n[j] + α·√(R_ij/N)), rounded once to single precision", () => {
    const weight = fc.float({ noNaN: true, min: -1e9, max: 1e9 });
    const above = (max: number) => fc.double({ noNaN: true, min: 0, max });
    const entry = fc.record({ weight, norm: above(1e9), square: above(1e18) });
    const entries = fc.array(entry, { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(entries, fc.integer({ min: 1, max: 1000 }), above(100), (of, sequences, alpha) => {
        const [weights, squares] = [Float32Array.from(of, (one) => one.weight), Float64Array.from(of, ({ square }) => square)];
        const norms = Float64Array.from(of, ({ norm }) => norm);
        const scores = wandaPlusScore(weights, norms, squares, sequences, 1, of.length, alpha);
        const wanted = of.map((one) => Math.fround(Math.abs(one.weight) * (one.norm + alpha * Math.sqrt(one.square / sequences))));
        expect([...scores]).toEqual(wanted);
      }),
    );
  });

  it("is what was worked out by hand, of sums in single precision too", () => {
    const weights = Float32Array.of(1, -2, 0, -3, 4, 0.5);
    const squares = [8, 18, 50, 0, 2, 32]; // of 2 sequences: roots 2 3 5 0 1 4
    const norms = [1, 0, 10];
    const wanted = [1 * (1 + 1), 2 * (0 + 1.5), 0, 3 * 1, 4 * (0 + 0.5), 0.5 * (10 + 2)];
    expect([...wandaPlusScore(weights, Float64Array.from(norms), Float64Array.from(squares), 2, 2, 3, 0.5)]).toEqual(wanted);
    expect([...wandaPlusScore(weights, Float32Array.from(norms), Float32Array.from(squares), 2, 2, 3, 0.5)]).toEqual(wanted);
  });

  it("ranks as the published score does, the norm over all tokens and 100 times the gradient", () => {
    const tokens = 128 * 2048;
    const { weights, inputs, gradients } = randomSample(1, 8, 16);
    const norms = Float64Array.from({ length: 16 }, (_, j) => Math.abs(inputs[j] as number));
    const squares = Float64Array.from({ length: 8 * 16 }, (_, k) => (gradients[k] as number) ** 2);
    const published = Float32Array.from(weights, (w, k) => {
      const norm = Math.sqrt(tokens * (norms[k % 16] as number) ** 2);
      return Math.abs(w) * norm + 100 * Math.abs(w) * Math.sqrt((squares[k] as number) / 128);
    });
    const scores = wandaPlusScore(weights, norms, squares, 128, 8, 16, 100 / Math.sqrt(tokens));
    scores.forEach((score, k) => {
      expect((score * Math.sqrt(tokens)) / (published[k] as number)).toBeCloseTo(1, 6); // single precision
    });
    expect(100 / Math.sqrt(tokens)).toBeCloseTo(0.195, 3);
  });

  it.each([
    [5, 3, 6, "5, 6 and 3"],
    [6, 2, 6, "6, 6 and 2"],
    [6, 3, 2, "6, 2 and 3"],
    [0, 0, 0, "0, 0 and 0"],
  ])("refuses %i weights, %i norms and %i squares for 2 × 3", (weights, norms, squares, given) => {
    expect(() => wandaPlusScore(new Float32Array(weights), new Float64Array(norms), new Float64Array(squares), 1, 2, 3, 1)).toThrow(
      new RangeError(`wanted 2 × 3 weights and squares and 3 norms, but ${given} were given`),
    );
  });

  it("does what the README's example says", () => {
    const [weights, norms, squares] = [Float32Array.of(4, 3, 2, 1), Float64Array.of(0.5, 0.5, 1, 3), Float64Array.of(0, 16, 0, 4)];
    const scores = wandaPlusScore(weights, norms, squares, 4, 1, 4, 0.5);
    expect([...scores]).toEqual([2, 4.5, 2, 3.5]);
    const wanda = wandaPlusScore(weights, norms, squares, 4, 1, 4, 0);
    expect([...wanda]).toEqual([2, 1.5, 2, 3]);
    expect([maskOf(scores), maskOf(wanda)]).toEqual([
      [0, 1, 1, 1],
      [1, 0, 1, 1],
    ]);
  });
});

describe("wanda-plus", () => {
  it.each<[Record<string, unknown>, WandaPlusOptions]>([
    [{}, { alpha: 0.2, group: "row" }],
    [
      { alpha: "1e2", group: "matrix" },
      { alpha: 100, group: "matrix" },
    ],
    [{ alpha: 0 }, { alpha: 0, group: "row" }],
  ])("%j is understood", async (given, wanted) => {
    const options = await parseOptions(wandaPlus, given);
    expect(options).toEqual(wanted);
    const { needs, degree, selection } = wandaPlus.create(options) as Scorer; // it is no solver
    expect({ needs, degree, selection }).toEqual({
      needs: [inputNorm, regionalGradient],
      degree: undefined,
      selection: { group: wanted.group, rule: "exact" },
    });
  });

  it.each([
    [{ alpha: "-1" }, 'option "alpha": Too small: expected number to be >=0'],
    [{ alpha: "much" }, 'option "alpha": Invalid input: expected number, received string'],
    [{ alpha: Number.POSITIVE_INFINITY }, 'option "alpha": Invalid input: expected number, received Infinity'],
    [{ group: "model" }, 'option "group": Invalid option: expected one of "row"|"matrix"'],
    [{ alphas: 1 }, 'no option is called "alphas"; did you mean "alpha"?'],
  ])("%j is refused: %s", async (given, complaint) => {
    const known = 'alpha (number, default 0.2), group ("row" | "matrix", default "row")';
    await expect(parseOptions(wandaPlus, given)).rejects.toEqual(
      new SecateurError("usage", `scorer "wanda-plus": ${complaint}; its options are ${known}`),
    );
  });

  it("is the package's default export", () => expect(byDefault).toBe(wandaPlus));

  it("takes norms and gradients from the statistics", async () => {
    expect([...(await score({ inputs: [16, 36], tokens: 4, squares: [8, 18], sequences: 2 })).data]).toEqual([
      2 * (2 + 0.5 * 2),
      1 * (3 + 0.5 * 3),
    ]);
  });

  it.each([
    ["no tokens", { inputs: [0, 0], tokens: 0 }, "the norm of input channel 0 of blocks.0.up.weight is NaN, wanted a finite number"],
    ["infinite inputs", { inputs: [1, Infinity] }, "the norm of input channel 1 of blocks.0.up.weight is Infinity, wanted a finite number"],
    [
      "no sequences",
      { squares: [0, 0], sequences: 0 },
      "the score of row 0, column 0 of blocks.0.up.weight is NaN, wanted a finite number: its squared regional gradients are 0 over 0 sequences",
    ],
    [
      "infinite gradients",
      { squares: [1, Infinity] },
      "the score of row 0, column 1 of blocks.0.up.weight is Infinity, wanted a finite number: its squared regional gradients are Infinity over 1 sequences",
    ],
    [
      "squares below 0",
      { squares: [1, -1] },
      "the score of row 0, column 1 of blocks.0.up.weight is NaN, wanted a finite number: its squared regional gradients are -1 over 1 sequences",
    ],
  ])("refuses statistics of %s, naming the layer", async (_, sums, message) => {
    const refusal = score(sums);
    await expect(refusal).rejects.toThrow(message);
    await expect(refusal).rejects.toMatchObject({ code: "numeric", where: { tensor: "blocks.0.up.weight" } });
  });
});

interface Sums {
  readonly inputs?: number[];
  readonly tokens?: number;
  readonly squares?: number[];
  readonly sequences?: number;
}

async function score({ inputs = [1, 1], tokens = 1, squares = [1, 1], sequences = 1 }: Sums) {
  const stats: RoleStats = {
    get: ({ id }) =>
      id === inputNorm.id
        ? { squares: Float64Array.from(inputs), weight: Float64Array.of(tokens) }
        : { squares: Float64Array.from(squares), weight: Float64Array.of(sequences) },
  };
  const scorer = wandaPlus.create({ alpha: 0.5, group: "row" }) as Scorer; // it is no solver
  const layer = layerOf({ ...randomSample(1, 1, 2), weights: Float32Array.of(-2, 1) });
  return scorer.score(layer, stats, {} as never); // it computes without a backend
}

function maskOf(scores: Float32Array): number[] {
  const mask = new Uint8Array(scores.length);
  markLowest(scores, 1, mask, new Float32Array(scores.length));
  return [...mask];
}
