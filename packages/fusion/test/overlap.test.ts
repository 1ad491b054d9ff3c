import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jaccard, overlapOf } from "../src/index.ts";

const masks = fc.uint8Array({ max: 1, minLength: 1, maxLength: 64 });

describe("overlapOf", () => {
  it("counts what both keep, and what one of them does", () => {
    const overlap = overlapOf(Uint8Array.of(1, 1, 0, 0, 1), Uint8Array.of(1, 0, 1, 0, 1));
    expect(overlap).toEqual({ both: 2, either: 4 });
    expect(jaccard(overlap)).toBe(0.5);
  });

  it("is the same in either order, and with itself all that is kept", () => {
    fc.assert(
      fc.property(masks, fc.integer(), (mask, shift) => {
        const other = mask.map((_, i) => mask[(i + Math.abs(shift)) % mask.length] as number);
        expect(overlapOf(mask, other)).toEqual(overlapOf(other, mask));
        expect(jaccard(overlapOf(mask, mask))).toBe(1);
        expect(overlapOf(mask, mask).both).toBe(mask.reduce((sum, kept) => sum + kept, 0));
      }),
    );
  });

  it("refuses masks of different sizes", () => {
    expect(() => overlapOf(new Uint8Array(3), new Uint8Array(4))).toThrow("a mask of 3 weights stands beside one of 4");
  });
});

describe("jaccard", () => {
  it.each([
    [{ both: 0, either: 0 }, 1],
    [{ both: 0, either: 5 }, 0],
    [{ both: 1, either: 3 }, 1 / 3],
  ])("%j is %d", (overlap, index) => {
    expect(jaccard(overlap)).toBe(index);
  });
});
