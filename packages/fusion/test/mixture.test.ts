import { gram, inputNorm, inputRms, type Need, type RoleStats, SecateurError } from "@secateur/kit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { levelled, poolStats } from "../src/index.ts";
import { statsOfRows } from "./helpers.ts";

const rows = fc.array(fc.array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: 3, maxLength: 3 }), {
  minLength: 1,
  maxLength: 9,
});

describe("poolStats", () => {
  it("is calibrating on the concatenated data when the weights are token shares", () => {
    fc.assert(
      fc.property(rows, rows, rows, (general, a, b) => {
        const all = [...general, ...a, ...b];
        const stats = new Map(Object.entries({ general, a, b }).map(([role, of]) => [role, statsOfRows(of)]));
        const weights = new Map(Object.entries({ general, a, b }).map(([role, of]) => [role, of.length / all.length]));
        const pooled = poolStats(stats, weights, false);
        for (const need of [inputNorm, gram]) {
          const [got, wanted] = [pooled.get(need), statsOfRows(all).get(need)];
          expect(Object.keys(got).sort()).toEqual(Object.keys(wanted).sort());
          expect(got.weight).toEqual(Float64Array.of(1));
          for (const [name, sums] of Object.entries(wanted)) {
            sums.forEach((sum, k) => {
              expect(got[name]?.[k]).toBeCloseTo(sum / all.length, 9);
            });
          }
        }
        const norms = inputRms(statsOfRows(all));
        inputRms(pooled).forEach((norm, j) => {
          expect(norm).toBeCloseTo(norms[j] as number, 9);
        });
      }),
    );
  });

  it("with normalize pools levelled activations, on the scale of the first role", () => {
    const [general, a] = [
      [
        [1, 4, 2],
        [2, 2, 2],
      ],
      [
        [100, 0, 300],
        [50, 80, 10],
      ],
    ];
    const stats = new Map([
      ["general", statsOfRows(general)],
      ["a", statsOfRows(a)],
    ]);
    const weights = new Map([
      ["general", 0.25],
      ["a", 0.75],
    ]);
    const norms = levelled(new Map([...stats].map(([role, of]) => [role, inputRms(of)])));
    const level = (inputRms(stats.get("general") as RoleStats)[0] as number) / (norms.get("general")?.[0] as number);
    const pooled = poolStats(stats, weights, true);
    inputRms(pooled).forEach((norm, j) => {
      const wanted = level * Math.sqrt(0.25 * (norms.get("general")?.[j] as number) ** 2 + 0.75 * (norms.get("a")?.[j] as number) ** 2);
      expect(norm).toBeCloseTo(wanted, 10);
    });
    const scaled = new Map([...stats, ["a", statsOfRows(a.map((row) => row.map((x) => 1000 * x)))]]);
    for (const need of [inputNorm, gram]) {
      const again = poolStats(scaled, weights, true).get(need);
      for (const [name, sums] of Object.entries(pooled.get(need))) {
        sums.forEach((sum, k) => {
          expect(again[name]?.[k]).toBeCloseTo(sum, 9);
        });
      }
    }
  });

  it("takes a role without tokens for nothing", () => {
    const none: RoleStats = { get: () => ({ squares: new Float64Array(2), sums: new Float64Array(2), weight: new Float64Array(1) }) };
    const stats = new Map([
      ["general", statsOfRows([[2, 4]])],
      ["a", none],
    ]);
    expect([
      ...(poolStats(
        stats,
        new Map([
          ["general", 0.5],
          ["a", 0.5],
        ]),
        false,
      ).get(inputNorm).squares ?? []),
    ]).toEqual([2, 8]);
  });

  it("pools any statistic with a weight, and refuses the others", () => {
    const mine = { ...inputNorm, id: "mine" } satisfies Need;
    const of = (sums: Record<string, Float64Array>): RoleStats => ({ get: () => sums });
    const weights = new Map([
      ["a", 0.5],
      ["b", 0.5],
    ]);
    const two = new Map([
      ["a", of({ cubes: Float64Array.of(8), weight: Float64Array.of(4) })],
      ["b", of({ cubes: Float64Array.of(9), weight: Float64Array.of(1) })],
    ]);
    expect(poolStats(two, weights, false).get(mine)).toEqual({ cubes: Float64Array.of(5.5), weight: Float64Array.of(1) });
    expect(() => poolStats(new Map([["a", of({ cubes: Float64Array.of(8) })]]), weights, false).get(mine)).toThrow(
      new SecateurError("unsupported", "the statistic mine has no sum `weight` to pool it by"),
    );
    const [stats] = [statsOfRows([[1, 2]])];
    const unknown = new Map([["a", { get: (need: Need) => (need.id === "mine" ? two.get("a")?.get(need) : stats?.get(need)) ?? {} }]]);
    expect(() => poolStats(unknown, weights, true).get(mine)).toThrow(
      new SecateurError(
        "unsupported",
        "the statistic mine cannot be normalised: how it grows with the activations is known for inputNorm and gram only",
      ),
    );
  });
});
