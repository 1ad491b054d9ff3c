import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../src/index.ts";

describe("seededRandom", () => {
  it("gives the same numbers for the same seed", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const a = seededRandom(seed);
        const b = seededRandom(seed);
        for (let i = 0; i < 20; i++) expect(a.next()).toBe(b.next());
      }),
    );
  });

  it("gives these numbers on every machine", () => {
    const random = seededRandom(0);
    expect([random.next(), random.next(), random.next()].map((x) => x * 2 ** 32)).toEqual([2899526011, 769844623, 220372281]);
  });

  it("gives other numbers for neighbouring seeds", () => {
    const firsts = Array.from({ length: 1000 }, (_, seed) => seededRandom(seed).next());
    expect(new Set(firsts).size).toBe(1000);
    expect(chiSquared(firsts, 10)).toBeLessThan(35); // 9 degrees of freedom: beyond 35 once in 16 000
  });

  it("is uniform", () => {
    const random = seededRandom(7);
    const numbers = Array.from({ length: 100_000 }, () => random.next());
    expect(numbers.every((x) => x >= 0 && x < 1)).toBe(true);
    expect(chiSquared(numbers, 100)).toBeLessThan(160); // 99 degrees of freedom: beyond 160 once in 9 000
    const pairs = numbers.slice(1).map((x, i) => (Math.floor(x * 10) * 10 + Math.floor((numbers[i] as number) * 10) + 0.5) / 100);
    expect(chiSquared(pairs, 100)).toBeLessThan(160);
  });

  it("gives whole numbers below a bound, each as often", () => {
    const random = seededRandom(1);
    const numbers = Array.from({ length: 70_000 }, () => random.below(7));
    expect(numbers.every((n) => Number.isInteger(n) && n >= 0 && n < 7)).toBe(true);
    expect(
      chiSquared(
        numbers.map((n) => (n + 0.5) / 7),
        7,
      ),
    ).toBeLessThan(30); // 6 degrees of freedom: beyond 30 once in 25 000
    expect(random.below(1)).toBe(0);
  });
});

/** Of numbers in [0, 1) against the uniform distribution over equal cells. */
function chiSquared(numbers: readonly number[], cells: number): number {
  const counts = new Array<number>(cells).fill(0);
  for (const x of numbers) counts[Math.floor(x * cells)] = (counts[Math.floor(x * cells)] as number) + 1;
  const expected = numbers.length / cells;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
