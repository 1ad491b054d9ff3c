import { seededRandom } from "@secateur/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pruneCount, rankedCounts } from "../src/index.ts";

interface Case {
  readonly sizes: readonly { readonly size: number; readonly block: number }[];
  readonly scores: readonly Float32Array[];
}

/** Matrices of random sizes; few different scores, so that ties are common, or many, some below 0. */
function randomCase(seed: number, fewValues: boolean): Case {
  const random = seededRandom(seed);
  const sizes = Array.from({ length: 1 + random.below(6) }, (_, i) => ({ size: 1 + random.below(40), block: i >> 1 }));
  const scores = sizes.map(({ size }, m) =>
    Float32Array.from({ length: size }, () => (fewValues ? random.below(4) / 2 - 0.5 : (random.next() - 0.2) * 4 ** (m - 2))),
  );
  return { sizes, scores };
}

/** By the definition: a cut that rises score by score, until the limits let the total through. */
function expected({ sizes, scores }: Case, members: readonly number[], ratio: number, band: number): number[] {
  const limits = members.map((m) => {
    const { size } = sizes[m] as Case["sizes"][number];
    return [Math.max(0, Math.floor(size * (ratio - band))), Math.min(size, Math.ceil(size * (ratio + band)))] as const;
  });
  const total = pruneCount(
    members.reduce((sum, m) => sum + (sizes[m]?.size as number), 0),
    ratio,
  );
  const clamp = (count: number, i: number): number => Math.min(limits[i]?.[1] as number, Math.max(limits[i]?.[0] as number, count));
  const all = members.flatMap((m) => [...(scores[m] as Float32Array)]);
  const values = [...new Set(all.map((score) => score + 0))].sort((a, b) => a - b);
  const countsBelow = (cut: number, including: boolean): number[] =>
    members.map((m, i) => clamp((scores[m] as Float32Array).filter((score) => (including ? score <= cut : score < cut)).length, i));
  for (const cut of values) {
    const upTo = countsBelow(cut, true);
    if (upTo.reduce((sum, count) => sum + count, 0) < total) continue;
    const below = countsBelow(cut, false);
    let rest = total - below.reduce((sum, count) => sum + count, 0);
    return below.map((count, i) => {
      const more = Math.min(rest, (upTo[i] as number) - count);
      rest -= more;
      return count + more;
    });
  }
  return [];
}

describe("rankedCounts", () => {
  it("equals the definition, with ties and without, and its totals are exact", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.boolean(),
        fc.constantFrom("block" as const, "model" as const),
        fc.constantFrom(0, 0.05, 0.2, 0.5, 1),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (seed, few, group, band, ratio) => {
          const one = randomCase(seed, few);
          const counts = await rankedCounts(one.sizes, ratio, { group, band }, async (m) => one.scores[m] as Float32Array);
          const keys = [...new Set(one.sizes.map(({ block }) => (group === "block" ? block : 0)))];
          for (const key of keys) {
            const own = [...one.sizes.keys()].filter((m) => group === "model" || one.sizes[m]?.block === key);
            expect(own.map((m) => counts[m])).toEqual(expected(one, own, ratio, band));
            const size = own.reduce((sum, m) => sum + (one.sizes[m]?.size as number), 0);
            expect(own.reduce((sum, m) => sum + (counts[m] as number), 0)).toBe(pruneCount(size, ratio));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("without a band prunes the lowest of all, wherever they are", async () => {
    const scores = [Float32Array.of(1, 2, 3, 4), Float32Array.of(5, 6, 7, 8)];
    const sizes = [
      { size: 4, block: 0 },
      { size: 4, block: 1 },
    ];
    const counts = (band?: number): Promise<number[]> =>
      rankedCounts(sizes, 0.5, { group: "model", ...(band !== undefined && { band }) }, async (m) => scores[m] as Float32Array);
    expect(await counts()).toEqual([4, 0]);
    expect(await counts(0.25)).toEqual([3, 1]);
    expect(await counts(0)).toEqual([2, 2]);
  });

  it("refuses a band that is none", async () => {
    await expect(rankedCounts([], 0.5, { group: "model", band: 2 }, async () => new Float32Array(0))).rejects.toThrow(
      "the band 2 was given, wanted a number from 0 to 1",
    );
  });
});
