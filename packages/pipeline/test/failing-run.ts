import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { F32Tensor } from "@secateur/tensor";
import { expect } from "vitest";
import { type Parts, parseRecipe, partialFolder, planPrune, prune, type RecipeInput } from "../src/index.ts";
import { partsOf } from "./run.ts";
import { failureOf, goldenRecipe, newFolder, taskA, withBackend } from "./support.ts";

/** The layer that a run begins with. */
export const FIRST = "model.layers.0.self_attn.q_proj.weight";

/** What comes of a run, with general text and a task, with parts of one's own; there is nothing in the end but what a run can go on with. */
export async function failureWith(change: Partial<Parts>, rest: Partial<RecipeInput> = {}): Promise<[code: string, message: string]> {
  const recipe = parseRecipe(goldenRecipe("llama", { tasks: [taskA()], fusion: "shared-exclusive", ...rest }));
  const named = { ...recipe, ...(change.solver && { solver: undefined }), ...(change.allocator && { allocate: undefined }) };
  const parts = { ...(await partsOf(named, 512)), ...change };
  const out = join(await newFolder(), "out");
  const plan = await planPrune(recipe, parts, { path: out, force: false });
  try {
    return await failureOf(() => withBackend((backend) => prune(plan, { out, format: parts.format, backend, version: "0.0.0" })));
  } finally {
    await plan.close();
    expect(readdirSync(dirname(out))).toEqual([basename(partialFolder(out))]);
    expect(["journal.json", "model", "statistics.safetensors"]).toEqual(expect.arrayContaining(readdirSync(partialFolder(out))));
  }
}

/** A tensor, some of whose numbers are others. */
export function withNumbers({ shape, data }: F32Tensor, change: (value: number, i: number) => number): F32Tensor {
  return { dtype: "F32", shape, data: data.map(change) };
}
