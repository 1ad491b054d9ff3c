import { join } from "node:path";
import type { RankingAllocator, Scorer } from "@secateur/kit";
import { f32 } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { type Manifest, type Parts, parseRecipe, planPrune, prune, type RecipeInput } from "../src/index.ts";
import { collectTo, partsOf } from "./run.ts";
import { filesOf, goldenRecipe, newFolder, taskA, withBackend } from "./support.ts";

/** Prunes with other parts than those that the recipe names. */
async function pruned(input: RecipeInput, change: Partial<Parts>): Promise<{ out: string; manifest: Manifest }> {
  const recipe = parseRecipe(input);
  const parts = { ...(await partsOf(recipe, 64)), ...change };
  const out = join(await newFolder(), "out");
  const plan = await planPrune(recipe, parts, { path: out, force: false });
  try {
    const manifest = await withBackend((backend) => prune(plan, { out, format: parts.format, backend, version: "0.0.0" }));
    return { out, manifest };
  } finally {
    await plan.close();
  }
}

describe("scores that compete beyond the matrix and read no statistics", () => {
  const size: Scorer = {
    needs: [],
    selection: { group: "model", rule: "exact" },
    score: async ({ weights }) => f32(weights.shape, weights.data.map(Math.abs)),
  };
  const bySize: RankingAllocator = { scorer: size, budget: "row" };
  const half = Math.floor(62_208 / 2);

  it("prune the smallest weights of the model, from data, from kept statistics, and from nothing", async () => {
    const stats = join(await newFolder(), "stats.safetensors");
    await withBackend((backend) => collectTo(stats, {}, backend));
    const { general, ...nothing } = goldenRecipe("llama");
    const results = [
      await pruned({ ...nothing, general }, { scorer: size }),
      await pruned({ ...nothing, fusion: "general" }, { scorer: size }),
      await pruned({ ...nothing, stats, fusion: "general" }, { scorer: size }),
      await pruned({ ...nothing, general, tasks: [taskA()], fusion: "mixture" }, { scorer: size }),
    ];
    for (const { manifest } of results) expect(manifest.sparsity.zeros).toBe(half);
    expect(new Set(results.map(({ out }) => filesOf(out)["model.safetensors"])).size).toBe(1);
  });

  it("share the budget out for others, and may be repaired", async () => {
    const allocated = await pruned(goldenRecipe("llama", { allocate: "fisher" }), { allocator: bySize });
    const parts = await partsOf(goldenRecipe("llama", { solver: "sparsegpt" }), 64);
    const repaired = await pruned(goldenRecipe("llama", { solver: "sparsegpt" }), { ...parts, scorer: size });
    for (const { manifest } of [allocated, repaired]) expect(manifest.sparsity.zeros).toBe(half);
    expect(repaired.manifest.tensors.map(({ zeros }) => zeros)).toEqual(allocated.manifest.tensors.map(({ zeros }) => zeros));
  });
});
