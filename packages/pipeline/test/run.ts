import { join } from "node:path";
import { jsonlLoader } from "@secateur/data-jsonl";
import { textLoader } from "@secateur/data-text";
import { safetensors, safetensorsFiles } from "@secateur/format-safetensors";
import { allocators, fusers } from "@secateur/fusion";
import type { Backend, Solver } from "@secateur/kit";
import { createRegistry, makeFrom, resolvePlugin } from "@secateur/kit/node";
import { fisher, fisherAllocator } from "@secateur/scorer-fisher";
import { magnitude } from "@secateur/scorer-magnitude";
import { obd } from "@secateur/scorer-obd";
import { sparsegpt } from "@secateur/scorer-sparsegpt";
import { wanda } from "@secateur/scorer-wanda";
import { wandaPlus } from "@secateur/scorer-wanda-plus";
import type { StatisticsHeader } from "@secateur/statistics";
import {
  type CalibrateOptions,
  type CalibrationInput,
  calibrate,
  fusionOf,
  type Manifest,
  type Parts,
  type PruneOptions,
  parseCalibration,
  parseRecipe,
  planCalibration,
  planPrune,
  prune,
  type RecipeInput,
} from "../src/index.ts";
import { goldenFolder } from "./golden-cases.ts";

const registry = createRegistry([magnitude, wanda, wandaPlus, sparsegpt, fisher, obd, ...fusers, ...allocators, fisherAllocator]);

/** What a recipe's names stand for, as an app resolves them. */
export async function partsOf(input: RecipeInput, preferredTokens: number): Promise<Parts> {
  const recipe = parseRecipe(input);
  const scorer = await resolvePlugin(registry, "scorer", recipe.scorer, { from: process.cwd() });
  const fusion = fusionOf(recipe, scorer);
  const fuser = await resolvePlugin(registry, "fuser", fusion, { from: process.cwd() });
  const { allocate, solver } = recipe;
  const repairing = solver === undefined ? undefined : await resolvePlugin(registry, "scorer", solver, { from: process.cwd() });
  const allocator = allocate === undefined ? undefined : await resolvePlugin(registry, "allocator", allocate, { from: process.cwd() });
  return {
    ...(repairing && { solver: (await makeFrom(repairing, recipe.solverOptions)) as Solver }), // named as one
    ...(allocator && { allocator: await makeFrom(allocator, recipe.allocateOptions) }),
    format: safetensors,
    statisticsFiles: safetensorsFiles,
    loaders: [jsonlLoader, textLoader],
    scorer: await makeFrom(scorer, recipe.scorerOptions),
    fuser: await makeFrom(fuser, recipe.fusionOptions),
    fusion,
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

/** Plans a calibration on the golden llama, with its own rows as general text, and carries it out. */
export async function collectTo(
  out: string,
  input: Partial<CalibrationInput>,
  backend: Backend,
  options: Partial<CalibrateOptions> = {},
  memoryBytes?: number,
): Promise<StatisticsHeader> {
  const recipe = parseCalibration({
    model: goldenFolder("llama"),
    general: [{ source: join(goldenFolder("llama"), "calibration.jsonl") }],
    ...input,
  });
  const parts = { format: safetensors, loaders: [jsonlLoader], preferredTokens: 64, memoryBytes };
  const plan = await planCalibration(recipe, parts, { path: out, force: false });
  try {
    return await calibrate(plan, { out, files: safetensorsFiles, backend, version: "0.0.0", ...options });
  } finally {
    await plan.close();
  }
}
