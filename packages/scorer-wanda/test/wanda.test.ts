import { inputNorm, type RoleStats } from "@secateur/kit";
import { describeScorer, layerOf, randomSample } from "@secateur/kit/testing";
import { markLowest } from "@secateur/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import byDefault, { wanda, wandaScore } from "../src/index.ts";

describeScorer({ describe, it }, wanda);

describe("wandaScore", () => {
  it("is |W_ij|·n[j] in single precision", () => {
    const matrix = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }), fc.integer());
    const float = fc.float({ noNaN: true, min: -1e9, max: 1e9 });
    fc.assert(
      fc.property(
        matrix.chain(([rows, cols]) =>
          fc.record({
            rows: fc.constant(rows),
            cols: fc.constant(cols),
            weights: fc.array(float, { minLength: rows * cols, maxLength: rows * cols }),
            norms: fc.array(fc.double({ noNaN: true, min: 0, max: 1e9 }), { minLength: cols, maxLength: cols }),
          }),
        ),
        ({ rows, cols, weights, norms }) => {
          const scores = wandaScore(Float32Array.from(weights), Float64Array.from(norms), rows, cols);
          const wanted = weights.map((w, k) => Math.fround(Math.abs(w) * Math.fround(norms[k % cols] as number)));
          expect([...scores]).toEqual(wanted);
          expect(wandaScore(Float32Array.from(weights), Float32Array.from(norms), rows, cols)).toEqual(scores);
        },
      ),
    );
  });

  it("refuses sizes that do not fit", () => {
    expect(() => wandaScore(new Float32Array(5), new Float64Array(3), 2, 3)).toThrow(
      "wanted 2 × 3 weights and 3 norms, but 5 and 3 were given",
    );
    expect(() => wandaScore(new Float32Array(6), new Float64Array(2), 2, 3)).toThrow(
      "wanted 2 × 3 weights and 3 norms, but 6 and 2 were given",
    );
  });

  it("does what the README's example says", () => {
    const scores = wandaScore(Float32Array.of(5, 1, 2, 3), Float64Array.of(0, 1, 1, 1), 1, 4);
    expect([...scores]).toEqual([0, 1, 2, 3]);
    const mask = new Uint8Array(4);
    markLowest(scores, 1, mask, new Float32Array(4));
    expect([...mask]).toEqual([0, 1, 1, 1]);
  });
});

describe("wanda", () => {
  it("is the package's default export and selects by row", () => {
    expect(byDefault).toBe(wanda);
    const made = wanda.create({});
    expect([made.selection, made.needs]).toEqual([{ group: "row", rule: "exact" }, [inputNorm]]);
  });

  it("takes the RMS norms from the statistics", async () => {
    const layer = layerOf({ ...randomSample(1, 1, 2), weights: Float32Array.of(-2, 1) });
    expect([...(await score(layer, { squares: Float64Array.of(16, 36), weight: Float64Array.of(4) })).data]).toEqual([4, 3]);
  });

  it("refuses statistics of no tokens, naming the layer", async () => {
    const refusal = score(layerOf(randomSample(1, 1, 2)), { squares: new Float64Array(2), weight: new Float64Array(1) });
    await expect(refusal).rejects.toThrow("the norm of input channel 0 of blocks.0.up.weight is NaN, wanted a finite number");
    await expect(refusal).rejects.toMatchObject({ code: "numeric", where: { tensor: "blocks.0.up.weight" } });
  });
});

async function score(layer: ReturnType<typeof layerOf>, sums: Record<string, Float64Array>) {
  const scorer = wanda.create({});
  if (!("score" in scorer)) throw new Error("wanda is no solver");
  const stats: RoleStats = { get: () => sums };
  return scorer.score(layer, stats, {} as never); // it computes without a backend
}
