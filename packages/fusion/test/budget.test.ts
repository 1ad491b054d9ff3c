import { SecateurError } from "@secateur/kit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { apportion, meetBudget, pruneCount } from "../src/index.ts";

/** Layers of whole sizes with a ratio each, and a band around the asked ratio. */
const layers = fc.array(fc.record({ ratio: fc.double({ min: -1, max: 2, noNaN: true }), size: fc.integer({ min: 1, max: 1e6 }) }), {
  minLength: 1,
  maxLength: 30,
});

describe("meetBudget", () => {
  it("prunes the asked ratio, within the band, by one shift for all", () => {
    fc.assert(
      fc.property(
        layers,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 0.3, noNaN: true }),
        (given, ratio, width) => {
          const [ratios, sizes] = [given.map((layer) => layer.ratio), given.map(({ size }) => size)];
          const [low, high] = [Math.max(0, ratio - width), Math.min(1, ratio + width)];
          const met = meetBudget(ratios, sizes, ratio, [low, high]);
          const whole = sizes.reduce((sum, size) => sum + size, 0);
          const found = met.reduce((sum, r, i) => sum + r * (sizes[i] as number), 0);
          expect(Math.abs(found - ratio * whole)).toBeLessThanOrEqual(1e-12 * whole); // double precision, over thirty layers
          for (const r of met) expect(r >= low && r <= high).toBe(true);
          const shifts = met.map((r, i) => ({ shift: r - (ratios[i] as number), low: r === low, high: r === high }));
          // A layer at the low end is shifted by no less than one that is free, one at the high end by no more.
          for (const one of shifts) {
            for (const other of shifts) {
              if (!other.high && !one.low) expect(one.shift).toBeLessThanOrEqual(other.shift + 1e-12);
            }
          }
        },
      ),
    );
  });

  it("is what was worked out by hand", () => {
    // 0.2 and 0.9 of 100 and 300 weights to 0.5 of 400: a shift of −0.225 would do, but the band ends at 0.6, and then the first has to rise.
    expect(meetBudget([0.2, 0.9], [100, 300], 0.5, [0.1, 0.8])).toEqual([expect.closeTo(0.1, 14), expect.closeTo(190 / 300, 14)]);
    expect(meetBudget([0.2, 0.9], [100, 300], 0.5, [0, 0.6])).toEqual([expect.closeTo(0.2, 14), expect.closeTo(0.6, 14)]);
  });

  it("leaves ratios that meet the budget, and takes a band of one ratio", () => {
    expect(meetBudget([0.4, 0.6], [10, 10], 0.5, [0, 1])).toEqual([expect.closeTo(0.4, 14), expect.closeTo(0.6, 14)]);
    expect(meetBudget([0.1, 0.9, 3], [10, 20, 30], 0.3, [0.3, 0.3])).toEqual([0.3, 0.3, 0.3]);
    expect(meetBudget([0.1, 0.9], [10, 20], 1, [0, 1])).toEqual([1, 1]);
    expect(meetBudget([0.1, 0.9], [10, 20], 0, [0, 1])).toEqual([0, 0]);
    expect(meetBudget([], [], 0.5, [0, 1])).toEqual([]);
  });

  it.each<[readonly number[], readonly number[], number, readonly [number, number], SecateurError]>([
    [[0.5], [10], 0.7, [0.4, 0.6], new SecateurError("usage", "ratios between 0.4 and 0.6 cannot prune 0.7 of all weights")],
    [[0.5], [10], Number.NaN, [0, 1], new SecateurError("usage", "ratios between 0 and 1 cannot prune NaN of all weights")],
    [[0.5], [10, 20], 0.5, [0, 1], new SecateurError("internal", "1 ratios were given for layers of 2 sizes")],
    [[0.5, Number.NaN], [10, 20], 0.5, [0, 1], new SecateurError("internal", "the ratio of layer 1 is NaN, wanted a finite number")],
  ])("refuses %j of %j to %j within %j", (ratios, sizes, ratio, band, error) => {
    expect(() => meetBudget(ratios, sizes, ratio, band)).toThrow(error);
  });
});

describe("apportion", () => {
  it("gives whole numbers within 0 to size that sum to exactly what the ratio prunes, each within a weight of its quota", () => {
    fc.assert(
      fc.property(layers, fc.double({ min: 0, max: 1, noNaN: true }), (given, ratio) => {
        const sizes = given.map(({ size }) => size);
        const ratios = meetBudget(
          given.map((layer) => layer.ratio),
          sizes,
          ratio,
          [0, 1],
        );
        const counts = apportion(ratios, sizes, ratio);
        const whole = sizes.reduce((sum, size) => sum + size, 0);
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(pruneCount(whole, ratio));
        counts.forEach((count, i) => {
          const size = sizes[i] as number;
          expect(Number.isInteger(count) && count >= 0 && count <= size).toBe(true);
          expect(Math.abs(count - (ratios[i] as number) * size)).toBeLessThan(1.001); // the quota's own rounding
        });
      }),
    );
  });

  it.each<[readonly number[], readonly number[], number, readonly number[]]>([
    [[0.5, 0.5], [10, 20], 0.5, [5, 10]],
    [[0.29, 0.29], [100, 100], 0.29, [29, 29]],
    [[0.5, 0.5, 0.5], [3, 3, 3], 0.5, [2, 1, 1]],
    [[0.25, 0.5, 0.75], [2, 2, 2], 0.5, [1, 1, 1]],
    [[1, 0], [5, 5], 0.5, [5, 0]],
    [[1, 0.99], [4, 100], 0.99, [4, 98]],
    [[0, 0], [5, 5], 0, [0, 0]],
    [[1, 1], [5, 5], 1, [5, 5]],
    [[0.48, 0.48], [10, 10], 0.5, [5, 5]],
    [[0.55, 0.55], [10, 10], 0.5, [5, 5]],
    [[], [], 0.5, []],
  ])("%j of %j to %j: %j", (ratios, sizes, ratio, counts) => {
    expect(apportion(ratios, sizes, ratio)).toEqual(counts);
  });

  it("refuses ratios that miss the asked one, and what does not fit", () => {
    expect(() => apportion([0.5, 0.5], [10, 10], 0.7)).toThrow(
      new SecateurError("internal", "the layers' ratios prune 10 of 20 weights, but the ratio 0.7 wants 14"),
    );
    expect(() => apportion([0.5], [10, 10], 0.5)).toThrow(new SecateurError("internal", "1 ratios were given for layers of 2 sizes"));
  });
});
