import { type FuserPlugin, SecateurError } from "@secateur/kit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  generalFuser,
  geometricFuser,
  levels,
  maxFuser,
  rankFuser,
  type ScaleOptions,
  type SharedExclusiveOptions,
  sharedExclusive,
  sharedExclusiveFuser,
  sumFuser,
  taskFuser,
} from "../src/index.ts";
import { foundation, fuse, halfMask, inputOf, randomNorms, randomWeights } from "./helpers.ts";

const SCALE: ScaleOptions = { level: "geometric", tau: 0.1, kappa: 4 };
const SHARED: SharedExclusiveOptions = { ...SCALE, boost: 0 };
const [ROWS, COLS] = [8, 24];

/** In which power of the activations the foundation's scores grow: as Wanda's, as RIA's, not at all. */
const DEGREES = fc.constantFrom(1, 0.5, 0);

describe("shared-exclusive", () => {
  it("is the formula, written out for three roles", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 }), fc.boolean(), (seed, x, y, boosted) => {
        const weights = randomWeights(seed, ROWS * COLS);
        const w = [1 - (x + y) / 20, x / 20, y / 20];
        const norms = [randomNorms(seed + 1, COLS), randomNorms(seed + 2, COLS), randomNorms(seed + 3, COLS)];
        const roles = ["general", "a", "b"];
        const boost = boosted ? 0.5 : 0;
        const input = inputOf(
          weights,
          Object.fromEntries(roles.map((role, r) => [role, { weight: w[r] as number, norms: norms[r] as Float64Array }])),
        );
        const got = fuse(sharedExclusiveFuser.create({ ...SHARED, boost }), input);
        const g = roles.map((role) => levels(input.norms).get(role) as number);
        for (let k = 0; k < weights.length; k++) {
          const n = norms.map((of, r) => (of[k % COLS] as number) / (g[r] as number));
          const s = roles.map((role, r) => ((input.scores.get(role)?.[k] as number) * (g[0] as number)) / (g[r] as number));
          const most = Math.max(...n);
          const own = [0, 1, 2].filter((r) => (most - (n[r] as number)) / (most + (n[r] as number)) <= 0.1);
          const mean = dot(w, s);
          const owned = own.reduce((sum, r) => sum + (w[r] as number), 0);
          const ownMean = own.reduce((sum, r) => sum + (w[r] as number) * (s[r] as number), 0) / owned;
          const lambda = Math.min(1, (3 * owned) / own.length);
          const wanted = own.length === 3 ? mean : (1 - lambda) * mean + lambda * ownMean * (own.includes(0) ? 1 : 1 + boost);
          expect((got[k] as number) / wanted).toBeCloseTo(1, 6); // single precision
        }
      }),
      { numRuns: 40 },
    );
  });

  it("gives an exclusive channel its owner's own score at equal weights", () => {
    const input = inputOf(Float32Array.of(0.5, 0.5), {
      general: { weight: 0.5, norms: Float64Array.of(2, 1) },
      a: { weight: 0.5, norms: Float64Array.of(1, 2) },
    });
    expect([...fuse(sharedExclusiveFuser.create(SHARED), input)]).toEqual([1, 1]);
    expect([...fuse(sharedExclusiveFuser.create({ ...SHARED, boost: 0.5 }), input)]).toEqual([1, 1.5]);
  });

  it("with boost 0 and τ = 0 gives max's mask at equal weights", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const input = inputOf(randomWeights(seed, ROWS * COLS), {
          general: { weight: 0.5, norms: randomNorms(seed + 1, COLS) },
          a: { weight: 0.5, norms: randomNorms(seed + 2, COLS) },
        });
        const mask = halfMask(fuse(sharedExclusiveFuser.create({ ...SHARED, tau: 0 }), input), COLS);
        expect(mask).toEqual(halfMask(fuse(maxFuser.create(SCALE), input), COLS));
      }),
    );
  });

  it("tells how it parts the channels", () => {
    const norms = { general: { weight: 0.5, norms: Float64Array.of(2, 1, 1) }, a: { weight: 0.5, norms: Float64Array.of(1, 2, 1) } };
    const fuser = sharedExclusiveFuser.create(SHARED);
    if (!("fuse" in fuser)) throw new Error("it fuses");
    const { partition } = fuser.fuse(inputOf(Float32Array.of(1, 1, 1), norms));
    expect(partition).toEqual(sharedExclusive(new Map(Object.entries(norms).map(([role, of]) => [role, of.norms])), 0.1));
    expect([...(partition?.owners ?? [])]).toEqual([0b01, 0b10, 0b11]);
  });
});

describe("every rule on scores", () => {
  const rules: readonly [FuserPlugin, object][] = [
    [sharedExclusiveFuser, SHARED],
    [maxFuser, SCALE],
    [sumFuser, SCALE],
    [geometricFuser, SCALE],
    [rankFuser, SCALE],
    [taskFuser, SCALE],
    [generalFuser, {}],
  ];

  it.each(rules)("$name: equal roles give the foundation's own scores' order", ({ create }, options) => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 99 }), DEGREES, (seed, percent, degree) => {
        const weights = randomWeights(seed, ROWS * COLS);
        const norms = randomNorms(seed + 1, COLS).with(5, 0);
        const input = inputOf(weights, { general: { weight: 1 - percent / 100, norms }, a: { weight: percent / 100, norms } }, degree);
        expect(halfMask(fuse(create(options), input), COLS)).toEqual(halfMask(foundation(weights, norms, degree), COLS));
      }),
    );
  });

  it.each(rules)("$name: a role's scale changes no mask", ({ create }, options) => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: -10, max: 10 }), DEGREES, (seed, power, degree) => {
        const weights = randomWeights(seed, ROWS * COLS);
        const [g, a] = [randomNorms(seed + 1, COLS), randomNorms(seed + 2, COLS)];
        const mask = (norms: Float64Array): number[] =>
          halfMask(
            fuse(create(options), inputOf(weights, { general: { weight: 0.6, norms: g }, a: { weight: 0.4, norms } }, degree)),
            COLS,
          );
        expect(mask(a.map((n) => n * 4 ** power))).toEqual(mask(a)); // its scores by 4^power, 2^power or 1
      }),
    );
  });

  it.each(rules.filter(([{ name }]) => name !== "max" && name !== "task"))(
    "$name: leads to general as the task's weight vanishes",
    ({ create }, options) => {
      fc.assert(
        fc.property(fc.integer(), DEGREES, (seed, degree) => {
          const weights = randomWeights(seed, ROWS * COLS);
          const [general, a] = [randomNorms(seed + 1, COLS), randomNorms(seed + 2, COLS)];
          const input = inputOf(weights, { general: { weight: 1 - 1e-9, norms: general }, a: { weight: 1e-9, norms: a } }, degree);
          expect(halfMask(fuse(create(options), input), COLS)).toEqual(halfMask(foundation(weights, general, degree), COLS));
        }),
      );
    },
  );

  it.each(rules.filter(([{ name }]) => name !== "general"))("$name: refuses what does not fit", ({ create }, options) => {
    const input = inputOf(randomWeights(1, 6), {
      general: { weight: 0.5, norms: randomNorms(1, 3) },
      a: { weight: 0.5, norms: randomNorms(2, 3) },
    });
    const wanted = "wanted 2 × 3 scores, 3 norms and a weight above 0";
    expect(() => fuse(create(options), { ...input, norms: new Map([["general", randomNorms(1, 3)]]) })).toThrow(
      new SecateurError("internal", `role a has 6 scores, undefined norms and the weight 0.5, ${wanted}`),
    );
    expect(() =>
      fuse(create(options), {
        ...input,
        weights: new Map([
          ["general", 1],
          ["a", 0],
        ]),
      }),
    ).toThrow(new SecateurError("internal", `role a has 6 scores, 3 norms and the weight 0, ${wanted}`));
  });
});

describe("the single rules", () => {
  const weights = Float32Array.of(0.5, 0.25);
  const input = inputOf(weights, {
    general: { weight: 0.75, norms: Float64Array.of(4, 1) },
    a: { weight: 0.25, norms: Float64Array.of(1, 4) },
  });

  it("max, sum and geometric are what they say", () => {
    // Both levels are 2, the scores [2, 0.25] and [0.5, 1].
    expect([...fuse(maxFuser.create(SCALE), input)]).toEqual([2, 1]);
    expect([...fuse(sumFuser.create(SCALE), input)]).toEqual([1.625, 0.4375]);
    const [first, second] = fuse(geometricFuser.create(SCALE), input);
    expect(first).toBeCloseTo(2 ** 0.75 * 0.5 ** 0.25, 6);
    expect(second).toBeCloseTo(0.25 ** 0.75, 6);
  });

  it("geometric gives 0 where a role scores 0, and refuses what is below", () => {
    const scores = (a: Float32Array) => ({
      ...input,
      scores: new Map([
        ["general", Float32Array.of(1, 1)],
        ["a", a],
      ]),
    });
    expect([...fuse(geometricFuser.create(SCALE), scores(Float32Array.of(0, 1)))]).toEqual([0, 1]);
    expect(() => fuse(geometricFuser.create(SCALE), scores(Float32Array.of(1, -1)))).toThrow(
      new SecateurError("unsupported", "a score at row 0, column 1 is below 0: it has no geometric mean"),
    );
  });

  it("rank counts within rows, or within the matrix for other groups", () => {
    const two = inputOf(Float32Array.of(4, 1, 3, 2), { general: { weight: 1, norms: Float64Array.of(1, 1) } });
    expect([...fuse(rankFuser.create(SCALE), two)]).toEqual([1, 0, 1, 0]);
    for (const group of ["matrix", "block", "model"] as const) {
      expect([...fuse(rankFuser.create(SCALE), { ...two, selection: { group, rule: "exact" } })]).toEqual([3, 0, 2, 1]);
    }
  });

  it("general and task give a single role's scores as they are", () => {
    expect(fuse(generalFuser.create({}), input)).toEqual(input.scores.get("general"));
    expect(fuse(taskFuser.create(SCALE), input)).toEqual(input.scores.get("a"));
    expect([generalFuser.create({}).reads, taskFuser.create(SCALE).reads]).toEqual(["general", "tasks"]);
  });

  it("task adds several tasks by weight, on a common scale", () => {
    const tasks = inputOf(weights, {
      a: { weight: 0.25, norms: Float64Array.of(1, 4) },
      b: { weight: 0.5, norms: Float64Array.of(160, 40) },
    });
    // The level of b is 40 times that of a: its scores are as [2, 0.25] on the scale of a.
    const [first, second] = fuse(taskFuser.create(SCALE), tasks);
    expect(first).toBeCloseTo((0.5 + 2 * 2) / 3, 6);
    expect(second).toBeCloseTo((1 + 2 * 0.25) / 3, 6);
  });

  it("general and task refuse to work without their roles", () => {
    const lone = (role: string) => inputOf(weights, { [role]: { weight: 1, norms: Float64Array.of(1, 1) } });
    expect(() => fuse(generalFuser.create({}), lone("a"))).toThrow(
      new SecateurError("input", "the rule general wants a role named general, found: a"),
    );
    expect(() => fuse(taskFuser.create(SCALE), lone("general"))).toThrow(
      new SecateurError("input", "the rule task wants a role other than general, found none"),
    );
  });
});

describe("activation-free scores", () => {
  const norms = { general: Float64Array.of(1, 1, 1, 1, 0, 1), a: Float64Array.of(1, 2, 0.5, 100, 1, 0) };
  const roles = { general: { weight: 0.5, norms: norms.general }, a: { weight: 0.5, norms: norms.a } };
  const ones = new Float32Array(6).fill(1);

  it("are scaled by clamp(n̂_r/n̂_g, 1/κ, κ) on exclusive channels", () => {
    // The level of a over the channels that both use, 1 2 0.5 100: ⁴√100.
    const level = 100 ** 0.25;
    const c = [1, 2, 0.5, 100].map((n) => Math.min(4, Math.max(0.25, n / level)));
    expect(fuse(taskFuser.create(SCALE), inputOf(ones, roles, 0))).toEqual(Float32Array.of(...c, 4, 0.25));
    expect([...fuse(maxFuser.create(SCALE), inputOf(ones, roles, 0))]).toEqual([...c.map((x) => Math.max(1, x)), 4, 1].map(Math.fround));
    expect([...fuse(maxFuser.create({ ...SCALE, kappa: 1 }), inputOf(ones, roles, 0))]).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it("are left alone on shared channels and for general", () => {
    expect([...fuse(taskFuser.create({ ...SCALE, tau: 1 }), inputOf(ones, roles, 0))]).toEqual([1, 1, 1, 1, 1, 1]);
    expect([...fuse(generalFuser.create({}), inputOf(ones, roles, 0))]).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it("refer to the weighted geometric mean of those alive where there is no general role", () => {
    const tasks = inputOf(
      ones.subarray(0, 3),
      { a: { weight: 0.75, norms: Float64Array.of(2, 1, 0) }, b: { weight: 0.25, norms: Float64Array.of(1, 2, 3) } },
      0,
    );
    // n̂ of a: √2, 1/√2, 0; of b: 1/√2, √2, 3/√2. Reference: 2^(1/4), 2^(−1/4), 3/√2.
    const [a, b] = [0.75, 0.25];
    const wanted = [a * 2 ** 0.25 + b * 2 ** -0.75, a * 2 ** -0.25 + b * 2 ** 0.75, a * 0.25 + b];
    fuse(sumFuser.create(SCALE), tasks).forEach((score, j) => {
      expect(score).toBeCloseTo(wanted[j] as number, 6);
    });
  });
});

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);
}
