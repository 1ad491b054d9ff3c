import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bf16ToF32, f16Pattern, f16ToF32, f16Value, f32ToBf16, f32ToF16 } from "../src/index.ts";

const ALL = Uint16Array.from({ length: 65536 }, (_, pattern) => pattern);
const FORMATS = [
  { name: "f16", exponentBits: 5, fractionBits: 10, widen: f16ToF32, narrow: f32ToF16 },
  { name: "bf16", exponentBits: 8, fractionBits: 7, widen: bf16ToF32, narrow: f32ToBf16 },
] as const;

describe.each(FORMATS)("$name", ({ exponentBits, fractionBits, widen, narrow }) => {
  const top = (1 << exponentBits) - 1;
  const infinity = top << fractionBits;
  const quiet = 1 << (fractionBits - 1);

  it("widens every pattern to the value that the format defines", () => {
    const wide = widen(ALL, new Float32Array(65536));
    for (const pattern of ALL) expect(wide[pattern]).toBe(valueOfPattern(pattern, exponentBits, fractionBits));
  });

  it("gives every pattern back, a signalling NaN quieted", () => {
    const back = narrow(widen(ALL, new Float32Array(65536)), new Uint16Array(65536));
    for (const pattern of ALL) {
      const nan = (pattern & 0x7fff) > infinity;
      expect(back[pattern]).toBe(nan ? pattern | quiet : pattern);
    }
  });

  it("keeps a NaN's payload when widening", () => {
    const wide = new Float32Array(1);
    widen(Uint16Array.of(infinity | 0x8000 | 1), wide);
    expect(new Uint32Array(wide.buffer)[0]).toBe((0xff800000 | (1 << (23 - fractionBits))) >>> 0);
  });

  it("rounds every f32 pattern to nearest even", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), (word) => expectNearest(word)),
      { numRuns: 20_000 },
    );
  });

  it("rounds to nearest even at and beside every midpoint of two neighbours", () => {
    const wide = widen(ALL.slice(0, infinity + 1), new Float32Array(infinity + 1));
    const words = new Uint32Array(wide.buffer);
    // The midpoint of the largest number and of the next power of two is where infinity begins.
    for (let pattern = 0; pattern < infinity; pattern += 7) {
      const middle = pattern < infinity - 1 ? Math.fround(((wide[pattern] as number) + (wide[pattern + 1] as number)) / 2) : undefined;
      const word = middle === undefined ? (words[pattern] as number) + (1 << (22 - fractionBits)) : wordOf(middle);
      for (const near of [word - 1, word, word + 1]) expectNearest(near >>> 0);
    }
  });

  it.each([0x00000001, 0x80000001, 0x007fffff, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x00000000, 0x80000000])(
    "rounds the edge %i",
    (word) => expectNearest(word),
  );

  it("refuses an array that is too short", () => {
    expect(() => widen(new Uint16Array(3), new Float32Array(2))).toThrow("3 values were given, but the array for them holds 2");
    expect(() => narrow(new Float32Array(3), new Uint16Array(2))).toThrow("3 values were given, but the array for them holds 2");
  });

  it("works on a part of a longer array", () => {
    const whole = new Float32Array(4);
    widen(Uint16Array.of(infinity), whole.subarray(2));
    expect([...whole]).toEqual([0, 0, Number.POSITIVE_INFINITY, 0]);
  });

  function expectNearest(word: number): void {
    const from = new Float32Array(Uint32Array.of(word).buffer);
    const got = narrow(from, new Uint16Array(1))[0] as number;
    const value = from[0] as number;
    if (Number.isNaN(value)) {
      expect(got & 0x7fff).toBeGreaterThan(infinity);
      expect(got & quiet).toBe(quiet);
      expect(got >>> 15).toBe(word >>> 31);
    } else expect(got).toBe(nearest(value, exponentBits, fractionBits));
  }
});

it("gives and takes one half-precision number", () => {
  expect(f16Value(0x3c01)).toBe(1 + 2 ** -10);
  expect(f16Value(0x8001)).toBe(-(2 ** -24));
  expect(f16Value(0xfc00)).toBe(Number.NEGATIVE_INFINITY);
  expect(f16Value(0x7e00)).toBeNaN();
  expect(f16Pattern(65519)).toBe(0x7bff);
  expect(f16Pattern(65520)).toBe(0x7c00);
  expect(f16Pattern(-0)).toBe(0x8000);
});

/** The value of a pattern, by the definition. */
function valueOfPattern(pattern: number, exponentBits: number, fractionBits: number): number {
  const sign = pattern & 0x8000 ? -1 : 1;
  const exponent = (pattern & 0x7fff) >>> fractionBits;
  const fraction = (pattern & ((1 << fractionBits) - 1)) / (1 << fractionBits);
  const bias = (1 << (exponentBits - 1)) - 1;
  if (exponent === (1 << exponentBits) - 1) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? (1 + fraction) * 2 ** (exponent - bias) : fraction * 2 ** (1 - bias));
}

/** The pattern nearest to a value, found by bisection over all patterns in double precision, ties to the even pattern. */
function nearest(value: number, exponentBits: number, fractionBits: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  const infinity = ((1 << exponentBits) - 1) << fractionBits;
  // Infinity stands where the next power of two would be, as IEEE 754 rounds.
  const at = (p: number): number => (p === infinity ? 2 ** (1 << (exponentBits - 1)) : valueOfPattern(p, exponentBits, fractionBits));
  if (magnitude >= at(infinity)) return sign | infinity;
  let low = 0;
  let high = infinity;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (at(middle) <= magnitude) low = middle;
    else high = middle;
  }
  const down = magnitude - at(low);
  const up = at(high) - magnitude;
  return sign | (down < up || (down === up && low % 2 === 0) ? low : high);
}

function wordOf(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0] as number;
}
