import { type FuseInput, type Fuser, GENERAL, SecateurError } from "@secateur/kit";
import { parseOptions } from "@secateur/kit/node";
import { describe, expect, it } from "vitest";
import { fusers, fuseSharedExclusive, mixtureFuser, type SharedExclusiveOptions } from "../src/index.ts";
import { halfMask, randomNorms, randomWeights } from "./helpers.ts";

const [ROWS, COLS] = [6, 8];
const OPTIONS: SharedExclusiveOptions = { level: "geometric", tau: 0.1, kappa: 4, boost: 0 };

interface RoleSides {
  readonly weight: number;
  readonly norms: Float64Array;
  readonly gradients: Float64Array;
  readonly level?: number;
}

/** What a fuser is given over the foundation |W_ij|·g[i]·n[j]. */
function inputOf(roles: Readonly<Record<string, RoleSides>>): FuseInput {
  const weights = randomWeights(1, ROWS * COLS);
  const each = <Value>(of: (role: RoleSides) => Value): Map<string, Value> =>
    new Map(Object.entries(roles).map(([name, role]) => [name, of(role)]));
  return {
    roles: Object.keys(roles),
    weights: each(({ weight }) => weight),
    shape: [ROWS, COLS],
    scores: each(({ norms, gradients }) =>
      weights.map((w, k) => Math.abs(w) * (gradients[Math.floor(k / COLS)] as number) * (norms[k % COLS] as number)),
    ),
    norms: each(({ norms }) => norms),
    gradients: each(({ gradients }) => gradients),
    levels: each(({ level = 1 }) => level),
    firstColumn: 0,
    degree: 1,
    selection: { group: "model", rule: "exact" },
  };
}

const general: RoleSides = { weight: 0.5, norms: randomNorms(2, COLS), gradients: randomNorms(3, ROWS) };
const task: RoleSides = { weight: 0.5, norms: randomNorms(4, COLS), gradients: randomNorms(5, ROWS) };

/** A role whose loss is counted so many times over: its gradients and its level grow alike. */
function louder(role: RoleSides, factor: number): RoleSides {
  return { ...role, gradients: role.gradients.map((g) => g * factor), level: (role.level ?? 1) * factor };
}

const FUSERS: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ...fusers.map(({ name }) => [name, {}] as const),
  ["shared-exclusive", { partition: "outputs" }],
  ["shared-exclusive", { partition: "both", boost: 0.5 }],
];

describe.each(FUSERS)("fusion %s %j of scores of the loss", (name, options) => {
  const fuse = async (input: FuseInput): Promise<Float32Array> => {
    const plugin = fusers.find((one) => one.name === name) as (typeof fusers)[number];
    const fuser = plugin.create(await parseOptions(plugin, options)) as Exclude<Fuser, { pool: unknown }>; // every one of them fuses
    return fuser.fuse(input).scores;
  };

  it("does not depend on how often a role's loss is counted", async () => {
    const plain = halfMask(await fuse(inputOf({ [GENERAL]: general, task })), COLS);
    for (const [a, b] of [
      [1, 64],
      [64, 1],
      [8, 0.125],
    ] as const)
      expect(halfMask(await fuse(inputOf({ [GENERAL]: louder(general, a), task: louder(task, b) })), COLS)).toEqual(plain);
  });

  it("gives the role's own mask where all roles are equal", async () => {
    const equal = inputOf({ [GENERAL]: general, task: { ...general } });
    expect(halfMask(await fuse(equal), COLS)).toEqual(halfMask(equal.scores.get(GENERAL) as Float32Array, COLS));
  });
});

describe("mixture of scores of the loss", () => {
  it("adds the squares of the roles' scores over their levels", () => {
    const input = inputOf({ [GENERAL]: { ...general, weight: 0.75, level: 2 }, task: { ...task, weight: 0.25, level: 4 } });
    const fuser = mixtureFuser.create({ normalize: false }) as Exclude<Fuser, { pool: unknown }>;
    const [a, b] = [GENERAL, "task"].map((role) => input.scores.get(role)) as [Float32Array, Float32Array];
    fuser.fuse(input).scores.forEach((score, k) => {
      const wanted = 2 * Math.sqrt(0.75 * ((a[k] as number) / 2) ** 2 + 0.25 * ((b[k] as number) / 4) ** 2);
      expect(score).toBeCloseTo(wanted, 4);
    });
  });
});

describe("shared-exclusive by outputs", () => {
  const flat: RoleSides = { weight: 0.5, norms: new Float64Array(COLS).fill(1), gradients: new Float64Array(ROWS).fill(1) };
  const loud = (row: number): RoleSides => ({ ...flat, gradients: flat.gradients.map((g, i) => (i === row ? 1000 : g)) });

  it("gives rows to the role whose gradients are larger there", () => {
    const input = inputOf({ [GENERAL]: flat, task: loud(2) });
    const scores = fuseSharedExclusive(input, { ...OPTIONS, tau: 0.6, partition: "outputs" }).scores;
    const [a, b] = [GENERAL, "task"].map((role) => input.scores.get(role)) as [Float32Array, Float32Array];
    scores.forEach((score, k) => {
      const own = Math.floor(k / COLS) === 2 ? (b[k] as number) : ((a[k] as number) + (b[k] as number)) / 2;
      expect(Math.abs(score / own - 1)).toBeLessThan(1e-6);
    });
  });

  it.each(["outputs", "both"] as const)("by %s, lends scores that need no activations those of the sides", (partition) => {
    const weights = randomWeights(1, ROWS * COLS).map(Math.abs);
    const fused = (roles: Readonly<Record<string, RoleSides>>): Float32Array => {
      const { levels: _, ...input } = inputOf(roles);
      const scores = new Map(Object.keys(roles).map((role) => [role, weights]));
      return fuseSharedExclusive({ ...input, scores, degree: 0 }, { ...OPTIONS, tau: 0.6, partition }).scores;
    };
    const rowOf = (k: number): number => Math.floor(k / COLS);
    const expected = weights.map((weight, k) => (rowOf(k) === 2 ? OPTIONS.kappa * weight : weight));
    expect(fused({ [GENERAL]: flat, task: loud(2) })).toEqual(expected);
    // Without general text the mean of the roles takes its place: 316 and 1 have 18.
    expect(fused({ a: loud(2), b: flat })).toEqual(expected);
  });

  it("by both sides, an input and an output that outweigh each other are shared", () => {
    const quietInput = { ...loud(2), norms: flat.norms.map((n, j) => (j === 5 ? n / 1000 : n)) };
    const input = inputOf({ [GENERAL]: flat, task: quietInput });
    const scores = fuseSharedExclusive(input, { ...OPTIONS, tau: 0.9, partition: "both" }).scores;
    const [a, b] = [GENERAL, "task"].map((role) => input.scores.get(role)) as [Float32Array, Float32Array];
    const at = 2 * COLS + 5;
    expect(scores[at]).toBeCloseTo(((a[at] as number) + (b[at] as number)) / 2, 5);
  });

  it("refuses a layer without gradients", () => {
    const { gradients: _, ...input } = inputOf({ [GENERAL]: general, task });
    expect(() => fuseSharedExclusive(input, { ...OPTIONS, partition: "both" })).toThrow(
      new SecateurError("unsupported", "a partition by both reads the loss's gradients, and there are none here"),
    );
  });
});
