import { jsonlLoader } from "@secateur/data-jsonl";
import { textLoader } from "@secateur/data-text";
import { safetensors, safetensorsFiles } from "@secateur/format-safetensors";
import { allocators, fusers } from "@secateur/fusion";
import type { Backend } from "@secateur/kit";
import { createRegistry, parseOptions, resolvePlugin } from "@secateur/kit/node";
import { magnitude } from "@secateur/scorer-magnitude";
import { sparsegpt } from "@secateur/scorer-sparsegpt";
import { wanda } from "@secateur/scorer-wanda";
import { type Manifest, type Parts, type PruneOptions, parseRecipe, planPrune, prune, type RecipeInput } from "../src/index.ts";

const registry = createRegistry([magnitude, wanda, sparsegpt, ...fusers, ...allocators]);

/** What a recipe's names stand for, as an app resolves them. */
export async function partsOf(input: RecipeInput, preferredTokens: number): Promise<Parts> {
  const recipe = parseRecipe(input);
  const scorer = await resolvePlugin(registry, "scorer", recipe.scorer, { from: process.cwd() });
  const fuser = await resolvePlugin(registry, "fuser", recipe.fusion, { from: process.cwd() });
  const { allocate } = recipe;
  const allocator = allocate === undefined ? undefined : await resolvePlugin(registry, "allocator", allocate, { from: process.cwd() });
  return {
    ...(allocator && { allocator: allocator.create(await parseOptions(allocator, recipe.allocateOptions)) }),
    format: safetensors,
    statisticsFiles: safetensorsFiles,
    loaders: [jsonlLoader, textLoader],
    scorer: scorer.create(await parseOptions(scorer, recipe.scorerOptions)),
    fuser: fuser.create(await parseOptions(fuser, recipe.fusionOptions)),
    preferredTokens,
  };
}

/** Plans and prunes, as the command does. */
export async function run(
  input: RecipeInput,
  out: string,
  backend: Backend,
  options: Partial<PruneOptions> = {},
  preferredTokens = backend.preferredTokens,
  memoryBytes?: number,
): Promise<Manifest> {
  const parts = { ...(await partsOf(input, preferredTokens)), memoryBytes };
  const plan = await planPrune(parseRecipe(input), parts, { path: out, force: false });
  try {
    return await prune(plan, { out, format: parts.format, backend, version: "0.0.0", ...options });
  } finally {
    await plan.close();
  }
}
