import { seededRandom } from "@secateur/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sampleToken } from "../../src/serving/sampling.ts";

const logits = fc.array(fc.integer({ min: -6, max: 6 }), { minLength: 1, maxLength: 20 }).map((values) => Float32Array.from(values));
const anySeed = fc.integer({ min: 0, max: 2 ** 32 - 1 });

/** The probabilities of tokens at a temperature. */
function probabilities(of: Float32Array, temperature: number): number[] {
  const weights = [...of].map((logit) => Math.exp(logit / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

describe("a drawn token", () => {
  it("is the likeliest at temperature 0, and where top_p leaves one alone", () => {
    fc.assert(
      fc.property(logits, anySeed, (given, seed) => {
        const best = given.indexOf(Math.max(...given));
        expect(sampleToken(given, { temperature: 0, topP: 1 }, seededRandom(seed))).toBe(best);
        expect(sampleToken(given, { temperature: 1, topP: 0 }, seededRandom(seed))).toBe(best);
      }),
    );
  });

  it("is one of the fewest likeliest that have the share of top_p together", () => {
    fc.assert(
      fc.property(logits, anySeed, fc.double({ min: 0.01, max: 1, noNaN: true }), (given, seed, topP) => {
        const of = probabilities(given, 0.7);
        const id = sampleToken(given, { temperature: 0.7, topP }, seededRandom(seed));
        const likelier = of.filter((p) => p > (of[id] as number)).reduce((sum, p) => sum + p, 0);
        // Sums of weights in single precision.
        expect(likelier).toBeLessThan(topP + 1e-5);
      }),
    );
  });

  it("is drawn as often as it is likely", () => {
    const given = Float32Array.of(2, 0, 1, -1, 2);
    const random = seededRandom(3);
    const counts = new Array<number>(given.length).fill(0);
    const draws = 20_000;
    for (let i = 0; i < draws; i++) {
      const id = sampleToken(given, { temperature: 1.3, topP: 1 }, random);
      counts[id] = (counts[id] as number) + 1;
    }
    for (const [id, p] of probabilities(given, 1.3).entries()) {
      // Five standard deviations of a count.
      expect(Math.abs((counts[id] as number) - draws * p)).toBeLessThan(5 * Math.sqrt(draws * p * (1 - p)));
    }
  });
});
