import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planBatches } from "../src/index.ts";

const lengths = fc.array(fc.integer({ min: 1, max: 600 }), { maxLength: 40 });
const preferred = fc.integer({ min: 1, max: 2048 });

describe("batches", () => {
  it("hold every sequence once", () => {
    fc.assert(
      fc.property(lengths, preferred, (all, limit) => {
        const members = planBatches(all, limit).flatMap((batch) => batch.members);
        expect([...members].sort((a, b) => a - b)).toEqual(all.map((_, i) => i));
      }),
    );
  });

  it("are padded to their longest, and past the limit only alone", () => {
    fc.assert(
      fc.property(lengths, preferred, (all, limit) => {
        for (const { members, tokens } of planBatches(all, limit)) {
          expect(tokens).toBe(Math.max(...members.map((i) => all[i] as number)));
          if (members.length > 1) expect(members.length * tokens).toBeLessThanOrEqual(limit);
        }
      }),
    );
  });

  it("group the same lengths whatever order they come in", () => {
    const shuffled = lengths.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })));
    const shape = (all: readonly number[], limit: number): number[][] =>
      planBatches(all, limit).map(({ members }) => members.map((i) => all[i] as number));
    fc.assert(
      fc.property(shuffled, preferred, ([all, other], limit) => {
        expect(shape(other, limit)).toEqual(shape(all, limit));
      }),
    );
  });

  it("take the longest first, and equal ones in their order", () => {
    expect(planBatches([5, 500, 5, 7], 1024)).toEqual([
      { members: [1, 3], tokens: 500 },
      { members: [0, 2], tokens: 5 },
    ]);
  });

  it("hold what stands before their tokens up to a limit, padded too", () => {
    const pasts = fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 40_000 })), { maxLength: 40 });
    fc.assert(
      fc.property(pasts, (given) => {
        const past = given.map(([, tokens]) => tokens);
        const batches = planBatches(
          given.map(([tokens]) => tokens),
          1024,
          past,
        );
        for (const { members } of batches) {
          if (members.length > 1) expect(members.length * Math.max(...members.map((i) => past[i] as number))).toBeLessThanOrEqual(32_768);
        }
        expect(batches.flatMap(({ members }) => members).sort((a, b) => a - b)).toEqual(given.map((_, i) => i));
      }),
    );
  });
});
