import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planPrefixes, type Segment, segmentsOf } from "../src/prefixes.ts";
import { randomIds } from "./support.ts";

const computed = (levels: readonly (readonly Segment[])[]) => levels.flat().reduce((sum, { start, end }) => sum + end - start, 0);
const part = ({ start, end }: Segment) => [start, end];

describe("a plan of shared beginnings", () => {
  // Few tokens and long beginnings of each other, so that much is shared.
  const stems = [40, 25, 60].map((tokens, s) => [...randomIds(tokens, 5, s)]);
  const sequences = fc.array(
    fc
      .tuple(fc.constantFrom(...stems), fc.integer({ min: 0, max: 60 }), fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 30 }))
      .map(([stem, length, rest]) => Int32Array.from([...stem.slice(0, length), ...rest, 4])),
    { maxLength: 12 },
  );

  it("has every token of every sequence once on the way to its end, and what follows is the same for all", () => {
    fc.assert(
      fc.property(sequences, (given) => {
        const plan = planPrefixes(given);
        const seen = new Set(plan.levels.flat());
        for (const [i, ids] of given.entries()) {
          const segments = segmentsOf(plan, i);
          const tokens = segments.flatMap(({ sequence, start, end }) => [...(given[sequence] as Int32Array).subarray(start, end)]);
          expect(tokens).toEqual([...ids]);
          for (const [l, segment] of segments.entries()) {
            expect(plan.levels[l]).toContain(segment);
            expect(segment.before).toBe(segments[l - 1]);
            expect(segment.start).toBe(segments[l - 1]?.end ?? 0);
            if (l < segments.length - 1) expect((given[segment.sequence] as Int32Array)[segment.end]).toBe(ids[segment.end]);
            seen.delete(segment);
          }
        }
        expect(seen.size).toBe(0);
        expect(computed(plan.levels)).toBeLessThanOrEqual(given.reduce((sum, { length }) => sum + length, 0));
      }),
      { numRuns: 300 },
    );
  });

  it("shares the prompt of choices, up to its last token", () => {
    const prompt = [...randomIds(30, 40)];
    const plan = planPrefixes([[1, 2], [1, 3], [4]].map((choice) => Int32Array.from([...prompt, ...choice])));
    expect(plan.levels.map((level) => level.map(part))).toEqual([
      [[0, 29]],
      [
        [29, 32],
        [29, 32],
        [29, 31],
      ],
    ]);
    expect(computed(plan.levels)).toBe(29 + 3 + 3 + 2);
  });

  it("shares examples between prompts, and each prompt between its choices", () => {
    const examples = [...randomIds(200, 40, 1)];
    const rows = [30, 40, 50].map((tokens) => [...examples, tokens, ...randomIds(tokens, 40, tokens)]);
    const plan = planPrefixes(rows.flatMap((row) => [7, 8, 9].map((choice) => Int32Array.from([...row, choice]))));
    expect(plan.levels.map((level) => level.length)).toEqual([1, 3, 9]);
    expect(plan.levels[0]?.map(part)).toEqual([[0, 199]]);
    expect(plan.levels[1]?.map(part)).toEqual([
      [199, 230],
      [199, 240],
      [199, 250],
    ]);
  });

  it("leaves what saves little as it is: short beginnings, and long sequences that differ soon", () => {
    const stem = [...randomIds(40, 40)];
    const alone = (sequences: readonly (readonly number[])[]) => planPrefixes(sequences.map((ids) => Int32Array.from(ids))).levels.length;
    expect(alone([1, 2].map((next) => [...stem.slice(0, 16), next]))).toBe(1);
    expect(alone([1, 2].map((next) => [...stem.slice(0, 17), next]))).toBe(2);
    expect(alone([1, 2].map((next) => [...stem, next, ...randomIds(100, 40)]))).toBe(1);
    expect(alone([[1], [1], [2, 3]])).toBe(1);
    expect(alone([])).toBe(0);
  });

  it("takes the same sequences, and one that begins another, apart at their last common token", () => {
    const ids = [...randomIds(40, 40)];
    const plan = planPrefixes([ids, ids, ids.slice(0, 30)].map((one) => Int32Array.from(one)));
    expect(segmentsOf(plan, 2).map(part)).toEqual([
      [0, 29],
      [29, 30],
    ]);
    expect(segmentsOf(plan, 0).map(part)).toEqual([
      [0, 29],
      [29, 40],
    ]);
  });
});
