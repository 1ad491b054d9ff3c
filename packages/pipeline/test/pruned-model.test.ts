import { join } from "node:path";
import { jsonlLoader } from "@secateur/data-jsonl";
import { safetensors, safetensorsFiles } from "@secateur/format-safetensors";
import type { Backend } from "@secateur/kit";
import { bytesOf } from "@secateur/tensor";
import { describe, expect, it, vi } from "vitest";
import { calibrate, openPruned, parseCalibration, parseRecipe, planCalibration, planPrune, prune, type RecipeInput } from "../src/index.ts";
import { goldenFolder } from "./golden-cases.ts";
import { partsOf } from "./run.ts";
import { failureOf, newFolder, taskA, withBackend } from "./support.ts";

const MODEL = goldenFolder("llama");

async function statistics(folder: string, backend: Backend): Promise<string> {
  const out = join(folder, "stats");
  const general = [{ source: join(MODEL, "calibration.jsonl") }];
  const recipe = parseCalibration({ model: MODEL, general, tasks: [taskA()], gram: true, gradients: true });
  const parts = { format: safetensors, loaders: [jsonlLoader], preferredTokens: 64 };
  const plan = await planCalibration(recipe, parts, { path: out, force: false });
  await calibrate(plan, { out, files: safetensorsFiles, backend, version: "0.0.0" });
  await plan.close();
  return out;
}

const planOf = async (recipe: RecipeInput, out?: string) => {
  const parsed = parseRecipe(recipe);
  return planPrune(parsed, await partsOf(parsed, 64), out === undefined ? undefined : { path: out, force: false });
};

describe("a model that is pruned where it is read", () => {
  it.each<[what: string, recipe: Omit<RecipeInput, "model" | "stats">]>([
    ["by a scorer", { scorer: "wanda", sparsity: 0.5 }],
    ["by a scorer, in a pattern", { scorer: "wanda", pattern: { keep: 2, of: 4 } }],
    ["by a solver", { scorer: "sparsegpt", sparsity: 0.5, fusion: "mixture" }],
    ["by scores that share one budget out, and repaired", { scorer: "fisher", solver: "sparsegpt", sparsity: 0.5 }],
    ["by an allocator's ratios", { scorer: "wanda", sparsity: 0.5, allocate: "owl" }],
  ])("has the bytes that prune writes: %s", async (_, given) => {
    await withBackend(async (backend) => {
      const folder = await newFolder();
      const recipe = { model: MODEL, stats: await statistics(folder, backend), ...given };
      const out = join(folder, "out");
      const written = await planOf(recipe, out);
      await prune(written, { out, format: safetensors, backend, version: "0.0.0" });
      await written.close();
      for (const memoryBytes of [0, 2 ** 30]) {
        const plan = await planOf(recipe);
        const [model, file] = [await openPruned(plan, { backend, memoryBytes }), await safetensors.open(out)];
        for (const name of [...file.tensors.keys()].reverse()) {
          const [found, wanted] = [await model.model.read(name), await file.read(name)];
          expect(Buffer.compare(bytesOf(found), bytesOf(wanted)), name).toBe(0);
        }
        const layers = await model.layers();
        expect(layers.map(({ tensor }) => tensor)).toEqual(plan.sections.flatMap(({ linears }) => linears.map(({ tensor }) => tensor)));
        expect(
          layers.reduce((sum, { zeros }) => sum + zeros, 0) / layers.reduce((sum, { shape }) => sum + shape[0] * shape[1], 0),
        ).toBeCloseTo(0.5, 2);
        await file.close();
        await plan.close();
      }
    });
  });

  it("is pruned a section ahead of whoever reads it", async () => {
    await withBackend(async (backend) => {
      const plan = await planOf({ model: MODEL, scorer: "wanda", sparsity: 0.5, stats: await statistics(await newFolder(), backend) });
      const read: string[] = [];
      const watched = { ...plan.model, read: (name: string) => plan.model.read(name).finally(() => read.push(name)) };
      const [first, second] = plan.sections.map(({ linears }) => linears.map(({ tensor }) => tensor)) as [string[], string[]];
      const { model } = await openPruned({ ...plan, model: watched }, { backend });
      await model.read(first.at(-1) as string);
      expect(read.toSorted()).toEqual(first.toSorted());
      await vi.waitFor(() => expect(read.toSorted()).toEqual([...first, ...second].toSorted()));
      await model.read(second[0] as string);
      expect(read).toHaveLength(first.length + second.length); // it is there already
      await plan.close();
    });
  });

  it("is refused of a plan whose data has yet to pass the model", async () => {
    await withBackend(async (backend) => {
      const plan = await planOf({ model: MODEL, scorer: "magnitude", sparsity: 0.5, fusion: "general" });
      const message = "a model is pruned in memory from kept statistics, and the recipe names none";
      expect(await failureOf(() => openPruned(plan, { backend }))).toEqual(["unsupported", message]);
      await plan.close();
    });
  });
});
