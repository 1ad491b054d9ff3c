import { inputNorm, outputGradient, type RoleStats, type Scorer, SecateurError } from "@secateur/kit";
import { parseOptions } from "@secateur/kit/node";
import { describeScorer, layerOf, randomSample } from "@secateur/kit/testing";
import { markLowest } from "@secateur/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import byDefault, { type FisherOptions, fisher, fisherScore } from "../src/index.ts";

describeScorer({ describe, it }, fisher);
for (const options of [{ group: "row" }, { group: "matrix" }, { group: "block", band: 0 }, { group: "model", band: "1" }]) {
  describe(JSON.stringify(options), () => describeScorer({ describe, it }, fisher, { options }));
}

describe("fisherScore", () => {
  it("is |W_ij|·g[i]·n[j], rounded once to single precision", () => {
    const size = fc.integer({ min: 1, max: 6 });
    const factors = (length: number) => fc.array(fc.double({ noNaN: true, min: 0, max: 1e9 }), { minLength: length, maxLength: length });
    const float = fc.float({ noNaN: true, min: -1e9, max: 1e9 });
    fc.assert(
      fc.property(
        fc.tuple(size, size).chain(([rows, cols]) =>
          fc.record({
            rows: fc.constant(rows),
            cols: fc.constant(cols),
            weights: fc.array(float, { minLength: rows * cols, maxLength: rows * cols }),
            gradients: factors(rows),
            norms: factors(cols),
          }),
        ),
        ({ rows, cols, weights, gradients, norms }) => {
          const scores = fisherScore(Float32Array.from(weights), Float64Array.from(gradients), Float64Array.from(norms), rows, cols);
          const wanted = weights.map((w, k) =>
            Math.fround(Math.abs(w) * (gradients[Math.floor(k / cols)] as number) * (norms[k % cols] as number)),
          );
          expect([...scores]).toEqual(wanted);
        },
      ),
    );
  });

  it("is what was worked out by hand, of norms in single precision too", () => {
    const weights = Float32Array.of(1, -2, 0, -3, 4, 0.5);
    const wanted = [1 * 2 * 1, 2 * 2 * 10, 0, 3 * 0.5 * 1, 4 * 0.5 * 10, 0.5 * 0.5 * 100];
    expect([...fisherScore(weights, Float64Array.of(2, 0.5), Float64Array.of(1, 10, 100), 2, 3)]).toEqual(wanted);
    expect([...fisherScore(weights, Float32Array.of(2, 0.5), Float32Array.of(1, 10, 100), 2, 3)]).toEqual(wanted);
  });

  it("keeps a product whose factors are beyond single precision", () => {
    expect([...fisherScore(Float32Array.of(2), Float64Array.of(1e-60), Float64Array.of(1e60), 1, 1)]).toEqual([2]);
  });

  it.each([
    [5, 2, 3, "5, 2 and 3"],
    [6, 3, 3, "6, 3 and 3"],
    [6, 2, 2, "6, 2 and 2"],
    [0, 0, 0, "0, 0 and 0"],
  ])("refuses %i weights, %i gradients and %i norms for 2 × 3", (weights, gradients, norms, given) => {
    expect(() => fisherScore(new Float32Array(weights), new Float64Array(gradients), new Float64Array(norms), 2, 3)).toThrow(
      new RangeError(`wanted 2 × 3 weights, 2 gradients and 3 norms, but ${given} were given`),
    );
  });

  it("does what the README's example says", () => {
    const scores = fisherScore(Float32Array.of(1, 2, 3, 1), Float64Array.of(4, 1), Float64Array.of(1, 0.5), 2, 2);
    expect([...scores]).toEqual([4, 4, 3, 0.5]);
    const mask = new Uint8Array(4);
    markLowest(scores, 2, mask, new Float32Array(4));
    expect([...mask]).toEqual([1, 1, 0, 0]);
  });
});

describe("fisher", () => {
  it.each<[Record<string, unknown>, FisherOptions, Scorer["selection"]]>([
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
    const options = await parseOptions(fisher, given);
    expect(options).toEqual(wanted);
    const { needs, degree, selection: made } = fisher.create(options) as Scorer; // it is no solver
    expect({ needs, degree, selection: made }).toEqual({ needs: [inputNorm, outputGradient], degree: undefined, selection });
  });

  it.each([
    [{ band: "-0.1" }, 'option "band": Too small: expected number to be >=0'],
    [{ band: 1.5 }, 'option "band": Too big: expected number to be <=1'],
    [{ band: "wide" }, 'option "band": Invalid input: expected number, received string'],
    [{ band: Number.NaN }, 'option "band": Invalid input: expected number, received NaN'],
    [{ group: "column" }, 'option "group": Invalid option: expected one of "row"|"matrix"|"block"|"model"'],
    [{ bands: 1 }, 'no option is called "bands"; did you mean "band"?'],
  ])("%j is refused: %s", async (given, complaint) => {
    const known = 'group ("row" | "matrix" | "block" | "model", default "model"), band (number, default 0.2)';
    await expect(parseOptions(fisher, given)).rejects.toEqual(
      new SecateurError("usage", `scorer "fisher": ${complaint}; its options are ${known}`),
    );
  });

  it("is the package's default export", () => expect(byDefault).toBe(fisher));

  it("takes the RMS of inputs and gradients from the statistics", async () => {
    const { data } = await score({ inputs: [16, 36], outputs: [100], tokens: 4 });
    expect([...data]).toEqual([2 * 5 * 2, 1 * 5 * 3]);
  });

  it.each([
    ["no tokens", { inputs: [0, 0], outputs: [0], tokens: 0 }, "the norm of input channel 0 of blocks.0.up.weight is NaN"],
    [
      "infinite inputs",
      { inputs: [1, Infinity], outputs: [1], tokens: 1 },
      "the norm of input channel 1 of blocks.0.up.weight is Infinity",
    ],
    [
      "gradients that are no numbers",
      { inputs: [1, 1], outputs: [NaN], tokens: 1 },
      "the gradient of output channel 0 of blocks.0.up.weight is NaN",
    ],
    ["squares below 0", { inputs: [1, 1], outputs: [-1], tokens: 1 }, "the gradient of output channel 0 of blocks.0.up.weight is NaN"],
  ])("refuses statistics of %s, naming the layer", async (_, sums, message) => {
    const refusal = score(sums);
    await expect(refusal).rejects.toThrow(`${message}, wanted a finite number`);
    await expect(refusal).rejects.toMatchObject({ code: "numeric", where: { tensor: "blocks.0.up.weight" } });
  });
});

async function score({ inputs, outputs, tokens }: { inputs: number[]; outputs: number[]; tokens: number }) {
  const stats: RoleStats = {
    get: ({ id }) => ({ squares: Float64Array.from(id === inputNorm.id ? inputs : outputs), weight: Float64Array.of(tokens) }),
  };
  const scorer = fisher.create({ group: "model", band: 0.2 }) as Scorer; // it is no solver
  const layer = layerOf({ ...randomSample(1, 1, 2), weights: Float32Array.of(-2, 1) });
  return scorer.score(layer, stats, {} as never); // it computes without a backend
}
