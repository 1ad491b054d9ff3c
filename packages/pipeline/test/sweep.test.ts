import { existsSync, readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { jsonlLoader } from "@secateur/data-jsonl";
import { type Evaluation, evaluate } from "@secateur/evaluate";
import { safetensors, safetensorsFiles } from "@secateur/format-safetensors";
import type { Backend } from "@secateur/kit";
import { describeModel } from "@secateur/models";
import { createEngine } from "@secateur/runner";
import { expect, it } from "vitest";
import {
  calibrate,
  parseCalibration,
  planCalibration,
  type SweepGrid,
  type SweepOptions,
  type SweepRow,
  sweep,
  sweepRecipes,
} from "../src/index.ts";
import { goldenFolder } from "./golden-cases.ts";
import { partsOf } from "./run.ts";
import { failureOf, newFolder, taskA, withBackend } from "./support.ts";

const MODEL = goldenFolder("llama");
const ROWS = join(MODEL, "calibration.jsonl");

async function statistics(folder: string, backend: Backend): Promise<string> {
  const out = join(folder, "stats");
  const recipe = parseCalibration({ model: MODEL, general: [{ source: ROWS }], tasks: [taskA()] });
  const plan = await planCalibration(
    recipe,
    { format: safetensors, loaders: [jsonlLoader], preferredTokens: 64 },
    { path: out, force: false },
  );
  await calibrate(plan, { out, files: safetensorsFiles, backend, version: "0.0.0" });
  await plan.close();
  return out;
}

function gridOf(stats: string, change: Partial<SweepGrid> = {}): SweepGrid {
  return {
    recipe: { model: MODEL, stats },
    scorers: ["wanda"],
    fusions: ["mixture", "shared-exclusive"],
    sparsities: [0.25, 0.5],
    patterns: [],
    ...change,
  };
}

function optionsOf(out: string, backend: Backend, seen: string[], change: Partial<SweepOptions> = {}): SweepOptions {
  const measure = async (folder: string): Promise<Evaluation> => {
    seen.push(folder);
    const model = await safetensors.open(folder);
    const engine = createEngine(model, describeModel(model), backend);
    const documents = jsonlLoader.load(ROWS, {}, { rows: 0, empty: 0, duplicates: 0 });
    const result = await evaluate(engine, () => Promise.reject() as never, documents);
    await engine.release();
    await model.close();
    return result;
  };
  const resolve = (recipe: Parameters<SweepOptions["resolve"]>[0]) => partsOf(recipe, 64);
  return { out, format: safetensors, backend, resolve, data: [{ name: "rows", settings: ROWS }], measure, version: "0.0.0", ...change };
}

const perplexity = ({ metrics }: SweepRow): number => (metrics.rows as Extract<Evaluation, { metric: "perplexity" }>).perplexity;

it("prunes and measures every setting, the dense model first, and keeps a line for each", async () => {
  await withBackend(async (backend) => {
    const folder = await newFolder();
    const stats = await statistics(folder, backend);
    const out = join(folder, "results.jsonl");
    const seen: string[] = [];
    const rows = await sweep(gridOf(stats, { patterns: [{ keep: 2, of: 4 }] }), optionsOf(out, backend, seen));
    expect(rows.map(({ setting, sparsity }) => [setting?.fusion, setting?.sparsity ?? setting?.pattern, sparsity])).toEqual([
      [undefined, undefined, 0],
      ["mixture", 0.25, 0.25],
      ["shared-exclusive", 0.25, 0.25],
      ["mixture", 0.5, 0.5],
      ["shared-exclusive", 0.5, 0.5],
      ["mixture", { keep: 2, of: 4 }, 0.5],
      ["shared-exclusive", { keep: 2, of: 4 }, 0.5],
    ]);
    expect(new Set(rows.map(perplexity)).size).toBe(7);
    expect(readFileSync(out, "utf8")).toBe(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    expect(readdirSync(folder).sort()).toEqual(["results.jsonl", "stats"]);
    expect(seen).toHaveLength(7);
  });
});

it("goes on after its last line, and adds settings", async () => {
  await withBackend(async (backend) => {
    const folder = await newFolder();
    const stats = await statistics(folder, backend);
    const out = join(folder, "results.jsonl");
    const stop = new AbortController();
    const onRow: SweepOptions["onRow"] = (_, done) => {
      if (done === 2) stop.abort();
    };
    const seen: string[] = [];
    const work = () => sweep(gridOf(stats), optionsOf(out, backend, seen, { onRow, signal: stop.signal }));
    expect(await failureOf(work)).toEqual(["cancelled", "the run was cancelled"]);
    expect(readdirSync(folder).sort()).toEqual(["results.jsonl", "stats"]);
    expect(seen).toHaveLength(2);
    const rows = await sweep(gridOf(stats), optionsOf(out, backend, seen));
    expect(seen).toHaveLength(5);
    const more = await sweep(gridOf(stats, { sparsities: [0.25, 0.5, 0.75] }), optionsOf(out, backend, seen));
    expect(seen).toHaveLength(7);
    expect(more.slice(0, 5)).toEqual(rows);
  });
});

it("refuses a file of something else, a grid without a setting, and plans all before the first is run", async () => {
  await withBackend(async (backend) => {
    const folder = await newFolder();
    const stats = await statistics(folder, backend);
    const out = join(folder, "results.jsonl");
    const seen: string[] = [];
    await writeFile(out, '{"key":"sha256:other","metrics":{}}\n');
    const message = `--out ${out} holds something else than results of these settings: give another, or --force to replace it`;
    expect(await failureOf(() => sweep(gridOf(stats), optionsOf(out, backend, seen)))).toEqual(["exists", message]);
    expect(await failureOf(() => sweep(gridOf(stats, { sparsities: [] }), optionsOf(out, backend, seen)))).toEqual([
      "usage",
      "a sweep has nothing to try: name a scorer, a fusion, and a sparsity or a pattern",
    ]);
    const late = gridOf(stats, { scorers: ["wanda", "sparsegpt"] });
    expect(await failureOf(() => sweep(late, optionsOf(join(folder, "new"), backend, seen)))).toEqual([
      "input",
      `${stats}: the statistic gram was not collected, only inputNorm: calibrate again with --gram`,
    ]);
    expect([seen, existsSync(join(folder, "new"))]).toEqual([[], false]);
    expect(sweepRecipes(late)).toHaveLength(8);
  });
});
