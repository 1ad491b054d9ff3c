import { join } from "node:path";
import { type Fuser, gram, inputNorm, type Role, type RoleStats, type Solver } from "@secateur/kit";
import { type F32Tensor, f32 } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { parseRecipe, planPrune, prune, type RecipeInput } from "../src/index.ts";
import { FIRST, failureWith } from "./failing-run.ts";
import { partsOf } from "./run.ts";
import { goldenRecipe, newFolder, taskA, withBackend } from "./support.ts";

/** The Gram matrices that a solver which repairs another's choice is given, layer by layer. */
async function repairedWith(change: Partial<RecipeInput>): Promise<readonly Float64Array[]> {
  const given: Float64Array[] = [];
  const solver: Solver = {
    needs: [gram],
    selection: { group: "row", rule: "exact" },
    async solve({ weights: { shape, data } }, { roles, mixture }, select) {
      given.push((mixture.get(gram).gram as Float64Array).slice());
      const mask = select.choose(new Map([...roles.keys()].map((role) => [role, f32(shape)])), 0);
      return {
        weights: f32(
          shape,
          data.map((weight, i) => weight * (mask[i] as number)),
        ),
        mask,
      };
    },
  };
  const recipe = parseRecipe(goldenRecipe("llama", { tasks: [taskA()], solver: "mine", propagate: "none", ...change }));
  const parts = { ...(await partsOf({ ...recipe, solver: undefined }, 64)), solver };
  const plan = await planPrune(recipe, parts, undefined);
  const out = join(await newFolder(), "out");
  try {
    await withBackend((backend) => prune(plan, { out, format: parts.format, backend, version: "0.0.0" }));
  } finally {
    await plan.close();
  }
  return given;
}

it("weights are repaired for all roles' own statistics, whatever a fusion has pooled for the scores", async () => {
  const plain = await repairedWith({ fusion: "shared-exclusive" });
  expect(plain.length).toBe(21);
  expect(await repairedWith({ fusion: "mixture" })).toEqual(plain);
  expect(await repairedWith({ fusion: "mixture", fusionOptions: { normalize: true } })).toEqual(plain);
});

describe("a fuser that pools and does not keep its contract", () => {
  type Stats = ReadonlyMap<Role, RoleStats>;
  type Sums = Readonly<Record<string, Float64Array>>;
  const general = (stats: Stats): RoleStats => stats.get("general") as RoleStats;
  const changed = (change: (sums: Sums) => object) => (stats: Stats) => ({ get: () => ({ ...change(general(stats).get(inputNorm)) }) });

  it.each<[what: string, pool: (stats: Stats, weights: ReadonlyMap<Role, number>) => unknown, complaint: string]>([
    [
      "throws",
      () => {
        throw new Error("no pool");
      },
      `failed on ${FIRST}: no pool`,
    ],
    [
      "throws where it is asked",
      () => ({
        get() {
          throw new Error("dry");
        },
      }),
      `failed on ${FIRST}: dry`,
    ],
    ["gives nothing", () => undefined, `gave no statistics for ${FIRST}`],
    ["gives what is no statistics", () => ({ get: 7 }), `gave no statistics for ${FIRST}`],
    ["gives no sums", () => ({ get: () => undefined }), `gave no inputNorm.squares for ${FIRST}`],
    ["leaves a sum out", changed(({ squares }) => ({ squares })), `gave no inputNorm.sums for ${FIRST}`],
    [
      "gives single precision",
      changed((sums) => ({ ...sums, squares: new Float32Array(48) })),
      `gave a inputNorm.squares that is no Float64Array for ${FIRST}`,
    ],
    [
      "gives too few numbers",
      changed((sums) => ({ ...sums, squares: new Float64Array(7) })),
      `gave 7 numbers as inputNorm.squares instead of 48 for ${FIRST}`,
    ],
    [
      "gives NaN",
      changed((sums) => ({ ...sums, sums: new Float64Array(48).fill(Number.NaN, 5) })),
      `gave NaN in inputNorm.sums (entry 5) for ${FIRST}`,
    ],
    [
      "gives squares below 0",
      changed((sums) => ({ ...sums, squares: new Float64Array(48).fill(-1) })),
      `gave -1 in inputNorm.squares (entry 0) for ${FIRST}`,
    ],
    [
      "adds up in a role's own memory",
      (stats) => {
        (general(stats).get(inputNorm).squares as Float64Array)[0] = 1e9;
        return general(stats);
      },
      `changed the statistic inputNorm.squares of role general that it was given for ${FIRST}`,
    ],
    ["leaves a role out", (stats) => (stats as Map<Role, RoleStats>).delete("a"), `failed on ${FIRST}: this map cannot be changed`],
    ["changes weights", (_, weights) => (weights as Map<Role, number>).set("a", 0), `failed on ${FIRST}: this map cannot be changed`],
  ])("%s", async (_, pool, complaint) => {
    const fuser = { needs: [], reads: "all", pool } as unknown as Fuser;
    expect(await failureWith({ fuser }, { fusion: "mixture" })).toEqual(["plugin", `fusion mixture ${complaint}`]);
  });

  it("is asked for what the scorer reads, and no more", async () => {
    const scorer = (await partsOf(goldenRecipe("llama"), 64)).scorer;
    const nosy = {
      ...scorer,
      needs: [],
      score: async ({ weights }: { weights: F32Tensor }, stats: RoleStats) =>
        f32(weights.shape, Float32Array.from(stats.get(inputNorm).squares as Float64Array)),
    };
    expect(await failureWith({ scorer: nosy }, { fusion: "mixture", fusionOptions: { normalize: true } })).toEqual([
      "unsupported",
      "the statistic inputNorm was not pooled: who reads it does not list it among its needs",
    ]);
  });
});
