import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { markLowest, markLowestOfEach, seededRandom } from "../src/index.ts";

// Few distinct values make ties common; the edges of the format are where an order by patterns could differ from the order of the numbers.
const TINY = 2 ** -149;
const EDGES = [
  0,
  -0,
  TINY,
  -TINY,
  2 ** -126,
  -(2 ** -126),
  1,
  -1,
  1 + 2 ** -23,
  3.4e38,
  -3.4e38,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];
const lists = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(of, { minLength: 1, maxLength: 300, size: "max" });
const scores = fc
  .oneof(
    lists(fc.integer({ min: 0, max: 5 })),
    lists(fc.float({ noNaN: true })),
    lists(fc.constantFrom(...EDGES)),
    lists(fc.constantFrom(0, -0)),
  )
  .map((numbers) => Float32Array.from(numbers));

describe("markLowest", () => {
  it("marks exactly so many, as a stable sort would", () => {
    fc.assert(
      fc.property(scores, fc.nat(), (values, draw) => {
        const count = draw % (values.length + 1);
        const mask = new Uint8Array(values.length);
        const ties = markLowest(values, count, mask, new Float32Array(values.length));
        expect({ mask: [...mask], ties }).toEqual(sorted(values, count));
      }),
      { numRuns: 1000 },
    );
  });

  it("marks within its range only, and does not change the scores", () => {
    const values = Float32Array.of(0, 5, 4, 4, 0);
    const mask = new Uint8Array(5).fill(7);
    expect(markLowest(values, 1, mask, new Float32Array(3), 1, 4)).toBe(1);
    expect([...mask]).toEqual([7, 1, 0, 1, 7]);
    expect([...values]).toEqual([0, 5, 4, 4, 0]);
  });

  it("takes none and all", () => {
    const values = Float32Array.of(1, 2);
    const mask = new Uint8Array(2);
    expect([markLowest(values, 0, mask, new Float32Array(2)), ...mask]).toEqual([0, 1, 1]);
    expect([markLowest(values, 5, mask, new Float32Array(2)), ...mask]).toEqual([0, 0, 0]);
  });

  it.each([0, 1, 2])("refuses NaN at %i", (at) => {
    const values = Float32Array.of(1, 2, 3);
    values[at] = Number.NaN;
    for (const count of [1, 2]) {
      expect(() => markLowest(values, count, new Uint8Array(3), new Float32Array(3))).toThrow(
        "the scores from 0 to 3 have a NaN among them",
      );
    }
  });

  it.each([0, 700, 999])("refuses NaN at %i of a thousand, of either sign", (at) => {
    for (const pattern of [0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001]) {
      const values = Float32Array.from({ length: 1000 }, (_, i) => i - 500);
      new Uint32Array(values.buffer)[at] = pattern;
      expect(() => markLowest(values, 300, new Uint8Array(1000), new Float32Array(1000))).toThrow(
        "the scores from 0 to 1000 have a NaN among them",
      );
    }
  });

  it("refuses a scratch that is too short", () => {
    expect(() => markLowest(new Float32Array(4), 2, new Uint8Array(4), new Float32Array(3))).toThrow(
      "the scratch holds 3 values, but 4 scores are to be selected from",
    );
  });
});

describe("markLowestOfEach", () => {
  it("marks each group as a stable sort would, be it small or large", () => {
    fc.assert(
      fc.property(scores, fc.constantFrom(1, 2, 3, 4, 5, 8, 16, 100, 300), fc.nat(), (values, size, draw) => {
        const all = repeated(values, size * Math.ceil(values.length / size));
        const count = draw % (size + 1);
        const mask = new Uint8Array(all.length);
        const ties = markLowestOfEach(all, size, count, mask);
        expect({ mask: [...mask], ties }).toEqual(sortedEach(all, size, () => count));
      }),
      { numRuns: 1000 },
    );
  });

  it("marks as many in a group as it is told", () => {
    fc.assert(
      fc.property(scores, fc.constantFrom(1, 4, 7, 8), (values, size) => {
        const all = repeated(values, 10 * size);
        const countOf = (group: number): number => group % (size + 1);
        const mask = new Uint8Array(all.length);
        const ties = markLowestOfEach(all, size, countOf, mask);
        expect({ mask: [...mask], ties }).toEqual(sortedEach(all, size, countOf));
      }),
    );
  });

  // Each is meant to fill a bin with what others spread: near values between far ones, groups far below the highest of all, and views into a buffer.
  const random = seededRandom(5);
  it.each<[string, (i: number) => number]>([
    ["equal", () => 1],
    ["ascending", (i) => i],
    [
      "near one another between the infinities",
      (i) => [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY][i] ?? 1 + random.below(4) * 2 ** -23,
    ],
    ["of groups on very different scales", (i) => 2 ** (Math.floor(i / 6000) * 40 - 140) * random.next()],
    ["mostly zero", (i) => (i % 3 === 0 ? random.next() : 0)],
    ["of both signs", () => random.next() - 0.5],
  ])("marks among twenty-four thousand scores %s", (_, make) => {
    const values = Float32Array.from({ length: 24_001 }, (__, i) => make(i)).subarray(1);
    for (const size of [6000, 24_000]) {
      for (const count of [1, size / 2, size - 1]) {
        const mask = new Uint8Array(values.length);
        const ties = markLowestOfEach(values, size, count, mask);
        const wanted = sortedEach(values, size, () => count);
        expect(ties).toBe(wanted.ties);
        expect(Buffer.compare(mask, Uint8Array.from(wanted.mask))).toBe(0);
      }
    }
  });

  it.each([1, 4, 8, 12])("gives NaN for a NaN in groups of %i, whatever the count", (size) => {
    for (let at = 0; at < 24; at++) {
      const values = Float32Array.from({ length: 24 }, (_, i) => i);
      values[at] = Number.NaN;
      for (const count of [0, 1, size - 1, size]) expect(markLowestOfEach(values, size, count, new Uint8Array(24))).toBeNaN();
    }
    expect(markLowestOfEach(new Float32Array(24).fill(Number.NaN), size, size >> 1, new Uint8Array(24))).toBeNaN();
  });

  it.each([1.5, Number.NaN])("refuses to mark %d of each group", (count) => {
    for (const size of [4, 8, 200]) {
      expect(() => markLowestOfEach(new Float32Array(400), size, count, new Uint8Array(400))).toThrow(
        new RangeError(`${count} scores are to be marked, wanted a whole number`),
      );
    }
  });

  it("takes no scores, and refuses those that do not part into groups", () => {
    expect(markLowestOfEach(new Float32Array(0), 0, 0, new Uint8Array(0))).toBe(0);
    for (const size of [0, 5]) {
      const message = `8 scores do not part into groups of ${size}`;
      expect(() => markLowestOfEach(new Float32Array(8), size, 1, new Uint8Array(8))).toThrow(new RangeError(message));
    }
  });
});

interface Marked {
  readonly mask: number[];
  readonly ties: number;
}

/** What a stable sort chooses. */
function sorted(values: Float32Array, count: number): Marked {
  // Not the difference, which is NaN between equal infinities.
  const compare = (a: number, b: number): number => Number(a > b) - Number(a < b);
  const order = [...values.keys()].sort((a, b) => compare(values[a] as number, values[b] as number) || a - b);
  const lowest = new Set(order.slice(0, count));
  const last = values[order[count - 1] ?? -1];
  const shared = order.slice(count).some((i) => values[i] === last);
  return {
    mask: [...values.keys()].map((i) => (lowest.has(i) ? 0 : 1)),
    ties: shared ? order.slice(0, count).filter((i) => values[i] === last).length : 0,
  };
}

function sortedEach(values: Float32Array, size: number, countOf: (group: number) => number): Marked {
  const groups = Array.from({ length: values.length / size }, (_, g) => sorted(values.subarray(g * size, (g + 1) * size), countOf(g)));
  return { mask: groups.flatMap(({ mask }) => mask), ties: groups.reduce((sum, { ties }) => sum + ties, 0) };
}

function repeated(values: Float32Array, length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => values[i % values.length] as number);
}
