import { existsSync, readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { jsonlLoader } from "@secateur/data-jsonl";
import { safetensors, safetensorsFiles } from "@secateur/format-safetensors";
import { gram, inputNorm } from "@secateur/kit";
import { mergeStatistics, openStatistics } from "@secateur/statistics";
import { describe, expect, it } from "vitest";
import { type CalibrateOptions, type CalibrationInput, parseCalibration, planCalibration, type RecipeInput } from "../src/index.ts";
import { goldenFolder } from "./golden-cases.ts";
import { collectTo, run } from "./run.ts";
import { copyGolden, failureOf, filesOf, goldenRecipe, newFolder, taskA, withBackend } from "./support.ts";

const GENERAL_ROWS = join(goldenFolder("llama"), "calibration.jsonl");

/** Two halves of the golden model's rows as files of their own. */
async function halves(folder: string): Promise<[string, string]> {
  const { readFile } = await import("node:fs/promises");
  const rows = (await readFile(GENERAL_ROWS, "utf8")).trimEnd().split("\n");
  const [a, b] = [join(folder, "a.jsonl"), join(folder, "b.jsonl")];
  await writeFile(a, `${rows.slice(0, 2).join("\n")}\n`);
  await writeFile(b, `${rows.slice(2).join("\n")}\n`);
  return [a, b];
}

describe("statistics that are kept", () => {
  it.each<[string, Partial<RecipeInput>]>([
    ["wanda and shared-exclusive", { scorer: "wanda", fusion: "shared-exclusive" }],
    ["wanda and mixture, 2:4", { scorer: "wanda", fusion: "mixture", pattern: { keep: 2, of: 4 } }],
    ["magnitude, which reads norms for its fusion", { scorer: "magnitude", fusion: "shared-exclusive" }],
    ["sparsegpt", { scorer: "sparsegpt", fusion: "shared-exclusive" }],
    ["general text alone", { scorer: "wanda", fusion: "general" }],
  ])("prune to the same weights as the data itself in mode none: %s", async (_, method) => {
    await withBackend(async (backend) => {
      const folder = await newFolder();
      const stats = join(folder, "stats.safetensors");
      await collectTo(stats, { tasks: [taskA()], gram: true }, backend);
      const whole = goldenRecipe("llama", { tasks: [taskA()], propagate: "none", ...method });
      await run(whole, join(folder, "data"), backend, {}, 64);
      const { general: _general, tasks: _tasks, ...rest } = whole;
      const manifest = await run({ ...rest, propagate: undefined, stats }, join(folder, "stats"), backend, {}, 64);
      const name = "model.safetensors";
      expect(filesOf(join(folder, "stats"))[name]).toBe(filesOf(join(folder, "data"))[name]);
      expect(manifest.recipe.propagate).toBe("none");
      expect(manifest.data.map(({ role, rows }) => [role, rows > 0])).toEqual(
        method.fusion === "general"
          ? [["general", true]]
          : [
              ["general", true],
              ["a", true],
            ],
      );
      await run({ ...manifest.recipe, model: whole.model, stats }, join(folder, "again"), backend, {}, 64);
      expect(filesOf(join(folder, "again"))[name]).toBe(filesOf(join(folder, "stats"))[name]);
    });
  });

  it("of two halves of the data merge to those of the whole", async () => {
    await withBackend(async (backend) => {
      const folder = await newFolder();
      const [a, b] = await halves(folder);
      const path = (name: string): string => join(folder, `${name}.safetensors`);
      await collectTo(path("a"), { general: [{ source: a }], gram: true }, backend);
      await collectTo(path("b"), { general: [{ source: b }], gram: true }, backend);
      await collectTo(path("whole"), { gram: true }, backend);
      await mergeStatistics(safetensorsFiles, [path("b"), path("a")], path("merged"));
      const [merged, whole] = [
        await openStatistics(safetensorsFiles, path("merged")),
        await openStatistics(safetensorsFiles, path("whole")),
      ];
      for (const layer of Object.keys(whole.header.layers)) {
        const found = await merged.load(layer, "general", [inputNorm, gram]);
        const wanted = await whole.load(layer, "general", [inputNorm, gram]);
        for (const need of [inputNorm, gram]) {
          for (const [sum, values] of Object.entries(wanted.get(need))) {
            const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
            const others = found.get(need)[sum] as Float64Array;
            expect(values.every((value, i) => Math.abs(value - (others[i] as number)) <= 1e-6 * largest)).toBe(true);
          }
        }
      }
      await merged.close();
      await whole.close();
    });
  });

  it("are the same bytes when hidden states go to a scratch file, which goes", async () => {
    await withBackend(async (backend) => {
      const folder = await newFolder();
      await collectTo(join(folder, "memory"), { gram: true }, backend);
      await collectTo(join(folder, "scratched"), { gram: true }, backend, {}, 1000);
      const files = filesOf(folder);
      expect(files.scratched).toBe(files.memory);
      expect(Object.keys(files)).toEqual(["memory", "scratched"]);
    });
  });

  it("leave nothing behind when the calibration is cancelled", async () => {
    await withBackend(async (backend) => {
      const folder = await newFolder();
      const stop = new AbortController();
      const out = join(folder, "stats");
      const emit: CalibrateOptions["emit"] = (event) => {
        if (event.type === "progress" && event.phase === "calibrate" && event.block === 1) stop.abort();
      };
      const work = () => collectTo(out, {}, backend, { emit, signal: stop.signal }, 1000);
      expect(await failureOf(work)).toEqual(["cancelled", "the run was cancelled"]);
      expect(readdirSync(folder)).toEqual([]);
    });
  });
});

describe("statistics are refused", () => {
  it("where they do not fit the run", async () => {
    await withBackend(async (backend) => {
      const folder = await newFolder();
      const stats = join(folder, "stats.safetensors");
      const { model } = await collectTo(stats, {}, backend);
      const base = { model: goldenFolder("llama"), stats, sparsity: 0.5 };
      const other = await copyGolden("llama_wide");
      const failure = (input: RecipeInput) => failureOf(() => run(input, join(folder, "out"), backend, {}, 64));
      const [code, message] = await failure({ ...base, model: other });
      expect(code).toBe("input");
      expect(message).toMatch(`${stats} holds statistics of another model than ${other}: of ${model.hash}, and this one is sha256:`);
      expect(await failure({ ...base, scorer: "sparsegpt" })).toEqual([
        "input",
        `${stats}: the statistic gram was not collected, only inputNorm: calibrate again with --gram`,
      ]);
      expect(await failure({ ...base, fusion: "task" })).toEqual([
        "input",
        `${stats}: fusion task reads a task's statistics; its roles are general`,
      ]);
      expect(await failure({ ...base, weights: { math: 0.5 } })).toEqual([
        "usage",
        "a weight is given for math, which is no role here; roles are general",
      ]);
      expect(await failure({ ...base, propagate: "block" })).toEqual([
        "usage",
        `propagate: block was given with the statistics ${stats}, which are the dense model's: with statistics it is none`,
      ]);
      expect(await failure({ ...base, general: [{ source: GENERAL_ROWS }] })).toEqual([
        "usage",
        `data is given beside the statistics ${stats}, which have been collected already: give one of the two`,
      ]);
      expect(await failure({ ...base, stats: join(folder, "nothing") })).toEqual([
        "not-found",
        `there is no file ${join(folder, "nothing")}`,
      ]);
      const weights = join(goldenFolder("llama"), "model.safetensors");
      expect(await failure({ ...base, stats: weights })).toEqual([
        "format",
        `${weights} is no file of statistics: its metadata has no secateur-statistics; a model's weights are given as the model`,
      ]);
      expect(existsSync(join(folder, "out"))).toBe(false);
    });
  });

  it("when some layers were left out of them", async () => {
    await withBackend(async (backend) => {
      const folder = await newFolder();
      const stats = join(folder, "stats.safetensors");
      await collectTo(stats, { exclude: ["*down_proj*"] }, backend);
      const input = { model: goldenFolder("llama"), stats, sparsity: 0.5 };
      const down = "model.layers.0.mlp.down_proj.weight";
      expect(await failureOf(() => run(input, join(folder, "out"), backend, {}, 64))).toEqual([
        "input",
        `${stats}: the layer ${down} is not in it`,
      ]);
      await run({ ...input, exclude: ["*down_proj*"] }, join(folder, "out"), backend, {}, 64);
    });
  });
});

describe("a calibration is refused", () => {
  it.each<[what: string, input: (folder: string) => Partial<CalibrationInput>, out: string, message: (folder: string) => string]>([
    [
      "without data",
      () => ({ general: [] }),
      "s",
      () => "no data is given to calibrate with: name a file with --general, such as --general c4.jsonl, or --task",
    ],
    ["over its data", () => ({}), GENERAL_ROWS, () => `--out ${GENERAL_ROWS} is what is read, ${GENERAL_ROWS}: give another`],
    ["into a folder", () => ({}), "", (folder) => `--out ${folder}/ is no file, and is to be one: give another`],
    ["in a folder that is not there", () => ({}), "no/s", (folder) => `--out ${folder}/no/s: there is no folder ${folder}/no`],
  ])("%s", async (_, input, out, message) => {
    await withBackend(async (backend) => {
      const folder = await newFolder();
      const path = out.startsWith("/") ? out : `${folder}/${out}`;
      const [, found] = await failureOf(() => collectTo(path, input(folder), backend));
      expect(found).toBe(message(folder));
    });
  });
});

describe("the memory that a calibration is told to take", () => {
  it("grows with the sums that the way back is to collect", async () => {
    const parts = { format: safetensors, loaders: [jsonlLoader], preferredTokens: 64 };
    const memoryOf = async (input: Partial<CalibrationInput>): Promise<number> => {
      const recipe = parseCalibration({ model: goldenFolder("llama"), general: [{ source: GENERAL_ROWS }], gradients: true, ...input });
      const plan = await planCalibration(recipe, parts, undefined);
      await plan.close();
      return plan.summary.memoryBytes;
    };
    const [plain, gram, fisher] = [await memoryOf({}), await memoryOf({ gram: true }), await memoryOf({ fisher: true })];
    const weights = 2 * 48 * 48 + 2 * 24 * 48 + 3 * 96 * 48;
    expect(gram - plain).toBeGreaterThan(8 * (3 * 48 * 48 + 96 * 96));
    expect(fisher - plain).toBeGreaterThan(8 * weights);
  });
});
