import { SecateurError } from "@secateur/kit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { levelled, partitionShares, sharedExclusive } from "../src/index.ts";
import { randomNorms } from "./helpers.ts";

describe("sharedExclusive", () => {
  it("parts channels of two roles by δ = (n̂_t − n̂_g)/(n̂_t + n̂_g)", () => {
    fc.assert(
      fc.property(fc.integer(), fc.double({ min: 0, max: 0.9, noNaN: true }), (seed, tau) => {
        const [g, t] = [randomNorms(seed, 40), randomNorms(seed + 1, 40)];
        const { owners } = sharedExclusive(
          new Map([
            ["general", g],
            ["t", t],
          ]),
          tau,
        );
        owners.forEach((own, j) => {
          const delta = ((t[j] as number) - (g[j] as number)) / ((t[j] as number) + (g[j] as number));
          expect(own).toBe(Math.abs(delta) <= tau ? 0b11 : delta > 0 ? 0b10 : 0b01);
        });
      }),
    );
  });

  it("shares a channel that is dead in all roles, and gives one dead in some to the others", () => {
    const norms = new Map([
      ["general", Float64Array.of(0, 0, 2)],
      ["a", Float64Array.of(0, 1, 2)],
      ["b", Float64Array.of(0, 1, 0)],
    ]);
    const partition = sharedExclusive(norms, 0.1);
    expect([...partition.owners]).toEqual([0b111, 0b110, 0b011]);
    expect(partitionShares(partition)).toEqual({ shared: 1, exclusive: { general: 1, a: 2, b: 1 } });
  });

  it("shares everything with τ = 1", () => {
    const norms = new Map([
      ["general", randomNorms(1, 9)],
      ["a", new Float64Array(9)],
    ]);
    expect(partitionShares(sharedExclusive(norms, 1))).toEqual({ shared: 9, exclusive: { general: 0, a: 0 } });
  });

  it("gives a channel to at least one role, and its groups grow with τ", () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(1000), fc.nat(1000), (seed, x, y) => {
        const norms = new Map(["general", "a", "b"].map((role, i) => [role, randomNorms(seed + i, 20)]));
        const [narrow, wide] = [Math.min(x, y) / 1000, Math.max(x, y) / 1000];
        const [small, large] = [sharedExclusive(norms, narrow).owners, sharedExclusive(norms, wide).owners];
        small.forEach((own, j) => {
          expect(own).toBeGreaterThan(0);
          expect(own & (large[j] as number)).toBe(own);
        });
      }),
    );
  });

  it("takes roles that differ in scale only for equal, even with τ = 0", () => {
    fc.assert(
      fc.property(fc.integer(), fc.double({ min: 1e-3, max: 1e3, noNaN: true }), (seed, c) => {
        const norms = randomNorms(seed, 50);
        const both = levelled(
          new Map([
            ["general", norms],
            ["a", norms.map((n) => c * n)],
          ]),
        );
        expect(partitionShares(sharedExclusive(both, 0)).shared).toBe(50);
      }),
    );
  });

  // A level over C channels moves by ln(1000)/C when one of them grows a thousandfold, and δ by at most half of that.
  it("moves only the channel of one role that is multiplied by 1000, and those nearer to τ than the level's own shift", () => {
    const [cols, tau] = [256, 0.1];
    const shift = Math.log(1000) / cols / 2;
    fc.assert(
      fc.property(fc.integer(), fc.nat(cols - 1), (seed, channel) => {
        const [g, t] = [randomNorms(seed, cols), randomNorms(seed + 1, cols)];
        const was = levelled(
          new Map([
            ["general", g],
            ["t", t],
          ]),
        );
        const now = levelled(
          new Map([
            ["general", g],
            ["t", t.with(channel, 1000 * (t[channel] as number))],
          ]),
        );
        const [before, after] = [sharedExclusive(was, tau).owners, sharedExclusive(now, tau).owners];
        for (let j = 0; j < cols; j++) {
          const [a, b] = [was.get("general")?.[j] as number, was.get("t")?.[j] as number];
          const far = Math.abs(Math.abs((a - b) / (a + b)) - tau) > shift;
          if (j !== channel && far) expect(after[j]).toBe(before[j]);
        }
      }),
    );
  });

  it("takes 32 roles, but no more", () => {
    const norms = (count: number) => new Map(Array.from({ length: count }, (_, i) => [`r${i}`, Float64Array.of(i === 31 ? 9 : 1, 1)]));
    const partition = sharedExclusive(norms(32), 0.1);
    expect([...partition.owners]).toEqual([2 ** 31, 2 ** 32 - 1]);
    expect(partitionShares(partition)).toMatchObject({ shared: 1, exclusive: { r0: 0, r31: 1 } });
    expect(() => sharedExclusive(norms(33), 0.1)).toThrow(
      new SecateurError("unsupported", "33 roles were given, a partition takes at most 32"),
    );
  });
});
