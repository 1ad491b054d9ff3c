import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { kthSmallest, seededRandom } from "../src/index.ts";

// Few distinct values make ties common; the other half of the cases has none.
const scores = fc
  .oneof(fc.array(fc.integer({ min: 0, max: 5 })), fc.array(fc.float({ noNaN: true })))
  .map((numbers) => Float32Array.from(numbers))
  .filter((values) => values.length > 0);

describe("kthSmallest", () => {
  it("is the value at that position of the sorted values, and parts the others", () => {
    fc.assert(
      fc.property(scores, fc.nat(), (values, draw) => {
        const k = draw % values.length;
        const sorted = values.slice().sort();
        const worked = values.slice();
        const found = kthSmallest(worked, k);
        expect(found === sorted[k]).toBe(true);
        expect(worked.subarray(0, k).every((value) => value <= found)).toBe(true);
        expect(worked.subarray(k).every((value) => value >= found)).toBe(true);
        expect(
          worked
            .slice()
            .sort()
            .every((value, i) => value === sorted[i]),
        ).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("touches its range only", () => {
    const values = Float32Array.of(9, 3, 1, 2, 0);
    expect(kthSmallest(values, 1, 1, 4)).toBe(2);
    expect([values[0], values[4]]).toEqual([9, 0]);
  });

  it.each([
    [-1, 0, 3, "position -1 is outside the values from 0 to 3 of 3"],
    [3, 0, 3, "position 3 is outside the values from 0 to 3 of 3"],
    [1, 2, 3, "position 1 is outside the values from 2 to 3 of 3"],
    [0, 0, 4, "position 0 is outside the values from 0 to 4 of 3"],
    [Number.NaN, 0, 3, "position NaN is outside the values from 0 to 3 of 3"],
  ])("refuses k = %d of %d … %d", (k, start, end, message) => {
    expect(() => kthSmallest(new Float32Array(3), k, start, end)).toThrow(new RangeError(message));
  });

  // A quadratic method would take a million times a million steps on one of these and never end.
  const SIZE = 1_000_000;
  const random = seededRandom(3);
  it.each<[string, (i: number) => number]>([
    ["equal", () => 1],
    ["ascending", (i) => i],
    ["descending", (i) => SIZE - i],
    ["organ-pipe", (i) => Math.min(i, SIZE - 1 - i)],
    ["valley", (i) => Math.max(i, SIZE - 1 - i)],
    ["two-valued", (i) => i % 2],
    ["saw-toothed", (i) => i % 1000],
    ["random", () => random.next()],
  ])("selects from a million %s values", (_, make) => {
    const values = Float32Array.from({ length: SIZE }, (__, i) => make(i));
    const sorted = values.slice().sort();
    for (const k of [0, 1, SIZE / 2, SIZE - 1]) expect(kthSmallest(values.slice(), k)).toBe(sorted[k]);
  });

  it("sorts what bad pivots leave", () => {
    // Built against median of three: whatever comes first, in the middle and last is always among the smallest.
    const values = killer(20_000);
    const sorted = values.slice().sort();
    expect(kthSmallest(values, 19_000)).toBe(sorted[19_000]);
  });
});

/** Values for which the median of the first, middle and last of each remaining range is near its smallest, made by walking the selection backwards. */
function killer(size: number): Float32Array {
  const order = Array.from({ length: size }, (_, i) => i);
  const values = new Float32Array(size);
  let value = 0;
  for (let low = 0; low < size; ) {
    const high = size - 1;
    const middle = (low + high) >>> 1;
    values[order[low] as number] = value++;
    if (middle === low) {
      low++;
      continue;
    }
    values[order[middle] as number] = value++;
    // The selection swaps the middle with the second place, then goes on with what follows.
    const swap = order[low + 1] as number;
    order[low + 1] = order[middle] as number;
    order[middle] = swap;
    low += 2;
  }
  return values;
}
