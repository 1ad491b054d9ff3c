import { join } from "node:path";
import { gram, type Solver } from "@secateur/kit";
import { f32 } from "@secateur/tensor";
import { expect, it } from "vitest";
import { parseRecipe, planPrune, prune, type RecipeInput } from "../src/index.ts";
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
