import { SecateurError } from "@secateur/kit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { levelled, levels } from "../src/index.ts";
import { randomNorms } from "./helpers.ts";

const KINDS = ["geometric", "median"] as const;

describe("levels", () => {
  it("is the geometric mean, or the median, over channels alive in every role", () => {
    const norms = new Map([
      ["general", Float64Array.of(1, 8, 0, 8, 27)],
      ["a", Float64Array.of(2, 2, 5, 16, 0)],
    ]);
    const geometric = levels(norms);
    expect(geometric.get("general")).toBeCloseTo(4, 12);
    expect(geometric.get("a")).toBeCloseTo(4, 12);
    const median = levels(norms, "median");
    expect(median.get("general")).toBeCloseTo(8, 12);
    expect(median.get("a")).toBeCloseTo(2, 12);
    expect(levels(new Map([["general", Float64Array.of(2, 1, 8, 100)]]), "median").get("general")).toBeCloseTo(4, 12); // √(2·8)
  });

  it("is 1 where no channel is alive in every role", () => {
    const norms = new Map([
      ["general", Float64Array.of(3, 0)],
      ["a", Float64Array.of(0, 5)],
    ]);
    for (const kind of KINDS) expect([...levels(norms, kind).values()]).toEqual([1, 1]);
    expect([...levels(new Map([["general", new Float64Array(3)]])).values()]).toEqual([1]);
  });

  it("grows with the norms: levelled norms do not depend on a role's scale", () => {
    fc.assert(
      fc.property(fc.integer(), fc.double({ min: 1e-6, max: 1e6, noNaN: true }), fc.constantFrom(...KINDS), (seed, c, kind) => {
        const norms = randomNorms(seed, 33);
        const was = levelled(new Map([["a", norms]]), kind).get("a") as Float64Array;
        const now = levelled(new Map([["a", norms.map((n) => c * n)]]), kind).get("a") as Float64Array;
        was.forEach((norm, j) => {
          expect((now[j] as number) / norm).toBeCloseTo(1, 11);
        });
      }),
    );
  });

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY])("refuses a norm of %d", (bad) => {
    const make = (): unknown =>
      levels(
        new Map([
          ["general", Float64Array.of(1, 1)],
          ["a", Float64Array.of(1, bad)],
        ]),
      );
    expect(make).toThrow(
      new SecateurError("numeric", `the norm of input channel 1 for role a is ${bad}, wanted a finite number of at least 0`),
    );
  });

  it("refuses roles of different widths", () => {
    const make = (): unknown =>
      levels(
        new Map([
          ["general", new Float64Array(2)],
          ["a", new Float64Array(3)],
        ]),
      );
    expect(make).toThrow(new SecateurError("internal", "role a has norms of 3 channels, the first role of 2"));
  });
});
