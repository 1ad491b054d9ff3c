import { existsSync } from "node:fs";
import { join } from "node:path";
import { pruneCount } from "@secateur/fusion";
import { type AllocateLayer, inputNorm, type MeasureLayer, type RatioAllocator } from "@secateur/kit";
import { describe, expect, it } from "vitest";
import { type Manifest, type PruneEvent, parseRecipe, partialFolder, planPrune, prune, type RecipeInput } from "../src/index.ts";
import { partsOf, run } from "./run.ts";
import { failureOf, filesOf, goldenRecipe, newFolder, taskA, withBackend } from "./support.ts";

const budget = ({ tensors }: Manifest): [zeros: number, size: number] => [
  tensors.reduce((sum, { zeros }) => sum + zeros, 0),
  tensors.reduce((sum, { shape }) => sum + shape[0] * shape[1], 0),
];
const ratioOf = (manifest: Manifest, part: string): number => {
  const layers = manifest.tensors.filter(({ tensor }) => tensor.includes(part));
  return layers.reduce((sum, { zeros }) => sum + zeros, 0) / layers.reduce((sum, { shape }) => sum + shape[0] * shape[1], 0);
};

describe("ratios that an allocator chooses", () => {
  it.each<[string, Partial<RecipeInput>]>([
    ["owl with wanda", { allocate: "owl" }],
    ["owl with wanda and a task", { allocate: "owl", tasks: [taskA()] }],
    ["owl with sparsegpt", { allocate: "owl", scorer: "sparsegpt" }],
    [
      "owl with sparsegpt's published threshold, which prunes a few more",
      { allocate: "owl", scorer: "sparsegpt", scorerOptions: { exact: "false" } },
    ],
    ["owl with magnitude, which reads no data itself", { allocate: "owl", scorer: "magnitude" }],
    ["owl in mode none", { allocate: "owl", propagate: "none" }],
    ["owl in mode linear", { allocate: "owl", propagate: "linear" }],
    ["a table", { allocate: "table", allocateOptions: { "*layers.0.*": "0.2", "*down_proj*": "0.6" } }],
  ])("meet the budget exactly: %s", async (_, change) => {
    await withBackend(async (backend) => {
      for (const sparsity of [0.5, 0.37]) {
        const manifest = await run(goldenRecipe("llama", { ...change, sparsity }), join(await newFolder(), "out"), backend, {}, 64);
        const [zeros, size] = budget(manifest);
        if (change.scorerOptions) expect(zeros).toBeGreaterThanOrEqual(pruneCount(size, sparsity));
        else expect(zeros).toBe(pruneCount(size, sparsity));
        expect(new Set(manifest.tensors.map(({ zeros: some, shape }) => some / (shape[0] * shape[1]))).size).toBeGreaterThan(1);
      }
    });
  });

  it("are the table's, and the rest's", async () => {
    await withBackend(async (backend) => {
      const recipe = goldenRecipe("llama", { allocate: "table", allocateOptions: { "*layers.0.*": 0.25 } });
      const manifest = await run(recipe, join(await newFolder(), "out"), backend, {}, 64);
      expect(ratioOf(manifest, "layers.0.")).toBeCloseTo(0.25, 3);
      expect(ratioOf(manifest, "layers.1.")).toBeCloseTo(0.625, 3);
    });
  });

  it("with uniform are those without an allocator", async () => {
    await withBackend(async (backend) => {
      const folder = await newFolder();
      await run(goldenRecipe("llama"), join(folder, "plain"), backend, {}, 64);
      await run(goldenRecipe("llama", { allocate: "uniform" }), join(folder, "uniform"), backend, {}, 64);
      expect(filesOf(join(folder, "uniform"))["model.safetensors"]).toBe(filesOf(join(folder, "plain"))["model.safetensors"]);
    });
  });

  it("come after a pass that is planned, told, and not made again when the run goes on", async () => {
    await withBackend(async (backend) => {
      const folder = await newFolder();
      const recipe = goldenRecipe("llama", { allocate: "owl" });
      const plan = await planPrune(parseRecipe(recipe), await partsOf(recipe, 64), undefined);
      await plan.close();
      expect(plan.summary.allocation).toEqual({ by: "owl", work: 3 * 168 });
      expect(plan.summary.work).toBe((3 + 5) * 168);

      const whole: PruneEvent[] = [];
      await run(recipe, join(folder, "whole"), backend, { emit: (event) => whole.push(event) }, 64);
      const progress = whole.flatMap((event) => (event.type === "progress" && event.phase !== "check" ? [event] : []));
      expect(progress.filter(({ phase }) => phase === "allocate").at(-1)?.done).toBe(3 * 168);
      expect(progress.at(-1)).toMatchObject({ done: 8 * 168, total: 8 * 168 });

      const stop = new AbortController();
      const stopAt = (event: PruneEvent): void => {
        if (event.type === "block" && event.block === 0) stop.abort();
      };
      const out = join(folder, "out");
      expect(await failureOf(() => run(recipe, out, backend, { emit: stopAt, signal: stop.signal }, 64))).toEqual([
        "cancelled",
        "the run was cancelled",
      ]);
      const again: PruneEvent[] = [];
      await run(recipe, out, backend, { emit: (event) => again.push(event) }, 64);
      expect(again.some((event) => event.type === "progress" && event.phase === "allocate")).toBe(false);
      expect(filesOf(out)).toEqual(filesOf(join(folder, "whole")));
    });
  });
});

describe("an allocator is refused", () => {
  async function failureWith(allocator: Partial<RatioAllocator>): Promise<[string, string]> {
    const recipe = parseRecipe(goldenRecipe("llama", { allocate: "mine" }));
    const parts = await partsOf(goldenRecipe("llama"), 64);
    const own: RatioAllocator = { needs: [], allocate: (layers, ratio) => layers.map(() => ratio), ...allocator };
    const out = join(await newFolder(), "out");
    return failureOf(async () => {
      const plan = await planPrune(recipe, { ...parts, allocator: own }, { path: out, force: false });
      try {
        await withBackend((backend) => prune(plan, { out, format: parts.format, backend, version: "0.0.0" }));
      } finally {
        await plan.close();
      }
    }).finally(() => expect(existsSync(out)).toBe(false));
  }

  it.each<[what: string, allocator: Partial<RatioAllocator>, message: string]>([
    ["with too few ratios", { allocate: () => [0.5] }, "allocator mine gave 1 ratios for 21 layers"],
    [
      "with a ratio past 1",
      { allocate: (layers) => layers.map((_, i) => (i === 3 ? 1.5 : 0.5)) },
      "allocator mine gave model.layers.0.self_attn.o_proj.weight the ratio 1.5, wanted a number from 0 to 1",
    ],
    [
      "with ratios that miss the budget",
      { allocate: (layers) => layers.map(() => 0.6) },
      "allocator mine gave ratios that prune 0.6 of all weights (37325 of 62208), wanted 0.5 (31104)",
    ],
    ["with nothing", { allocate: () => undefined as never }, "allocator mine gave no ratios for 21 layers"],
    [
      "with a ratio that is NaN",
      { allocate: (layers) => layers.map(() => Number.NaN) },
      "allocator mine gave model.layers.0.self_attn.q_proj.weight the ratio NaN, wanted a number from 0 to 1",
    ],
    [
      "that puts the layers in an order of its own",
      { allocate: (layers) => (layers as AllocateLayer[]).reverse().map(() => 0.5) },
      "allocator mine failed: Cannot assign to read only property '0' of object '[object Array]'",
    ],
    [
      "that changes a layer",
      { allocate: (layers) => layers.map((layer) => Object.assign(layer, { block: 0 }) && 0.5) },
      "allocator mine failed: Cannot assign to read only property 'block' of object '#<Object>'",
    ],
    [
      "that changes a shape",
      { allocate: (layers) => layers.map(({ shape }) => (shape as unknown as number[]).push(1)) },
      "allocator mine failed: Cannot add property 2, object is not extensible",
    ],
    [
      "whose measure throws",
      {
        measure: () => {
          throw new Error("nothing to measure");
        },
      },
      "allocator mine failed on block 0: nothing to measure",
    ],
    [
      "whose measure changes weights",
      { measure: (layers) => layers.map(({ layer: { weights } }) => weights.data.fill(1)).length },
      "allocator mine changed the weights of model.layers.0.self_attn.q_proj.weight that it was given for block 0",
    ],
    [
      "whose measure changes statistics",
      { needs: [inputNorm], measure: (layers) => layers.map(({ stats }) => stats.get(inputNorm).squares?.fill(0)).length },
      "allocator mine changed the statistic inputNorm.squares of model.layers.0.self_attn.q_proj.weight that it was given for block 0",
    ],
    [
      "whose measure sorts the layers",
      { measure: (layers) => (layers as MeasureLayer[]).sort(() => -1).length },
      "allocator mine failed on block 0: Cannot assign to read only property '0' of object '[object Array]'",
    ],
    [
      "that throws",
      {
        allocate: () => {
          throw new Error("out of luck");
        },
      },
      "allocator mine failed: out of luck",
    ],
    [
      "with a measure that is none",
      { measure: () => Number.NaN },
      "allocator mine gave NaN as the measure of block 0, wanted a finite number",
    ],
  ])("%s", async (_, allocator, message) => {
    expect(await failureWith(allocator)).toEqual(["plugin", message]);
  });

  it("before anything is computed when it cannot meet the budget, or stands beside a pattern", async () => {
    await withBackend(async (backend) => {
      const out = join(await newFolder(), "out");
      const [code, message] = await failureOf(() =>
        run(goldenRecipe("llama", { allocate: "owl", allocateOptions: { lambda: "0.4" }, sparsity: 0.7 }), out, backend),
      );
      expect([code, message.startsWith("allocator owl: lambda 0.4 was given")]).toEqual(["usage", true]);
      const pattern = goldenRecipe("llama", { allocate: "owl", pattern: { keep: 2, of: 4 } });
      expect(await failureOf(() => run(pattern, out, backend))).toEqual([
        "usage",
        "allocate: owl was given with a pattern, which prunes every layer alike: give a sparsity, or leave allocate out",
      ]);
      expect([existsSync(out), existsSync(partialFolder(out))]).toEqual([false, false]);
    });
  });
});
