import { existsSync, readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { jsonlLoader } from "@secateur/data-jsonl";
import type { Evaluation } from "@secateur/evaluate";
import { safetensors, safetensorsFiles } from "@secateur/format-safetensors";
import type { Backend, Format, TensorFiles } from "@secateur/kit";
import { describe, expect, it } from "vitest";
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
import { failureOf, newFolder, taskA, withBackend, writeFiles } from "./support.ts";

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

/** `seen` gets the name of the data for each model that has been measured on it. */
function optionsOf(out: string, backend: Backend, seen: string[], change: Partial<SweepOptions> = {}): SweepOptions {
  return {
    out,
    format: safetensors,
    backend,
    resolve: (recipe) => partsOf(recipe, 64),
    measure: { evaluate: [{ name: "rows", source: ROWS }] },
    loaders: [jsonlLoader],
    onMeasure: (data, share) => {
      if (share === 1) seen.push(data);
    },
    version: "0.0.0",
    ...change,
  };
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
      "a sweep has nothing to try: name a scorer, and a sparsity or a pattern",
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

it("with force keeps old results until there is a new one", async () => {
  await withBackend(async (backend) => {
    const folder = await newFolder();
    const stats = await statistics(folder, backend);
    const out = join(folder, "results.jsonl");
    const seen: string[] = [];
    const forced = (grid: SweepGrid, change: Partial<SweepOptions> = {}) =>
      sweep(grid, optionsOf(out, backend, seen, { force: true, ...change }));
    const outOfLuck = (): never => {
      throw new Error("out of luck");
    };
    const old = '{"key":"sha256:other","metrics":{}}\n';
    await writeFile(out, old);
    const late = await failureOf(() => forced(gridOf(stats, { scorers: ["wanda", "sparsegpt"] })));
    expect([late[0], readFileSync(out, "utf8")]).toEqual(["input", old]);
    await expect(forced(gridOf(stats), { onMeasure: outOfLuck })).rejects.toThrow("out of luck");
    expect(readFileSync(out, "utf8")).toBe(old);
    const grid = gridOf(stats, { fusions: ["mixture"] });
    const rows = await forced(grid);
    expect(readFileSync(out, "utf8")).toBe(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    expect([rows.length, seen.length]).toEqual([3, 3]);
    await forced(grid);
    expect(seen).toHaveLength(6); // what is known is made again
    for (const read of [stats, ROWS]) {
      const message = `--out ${read} is what is read, ${read}: give another`;
      expect(await failureOf(() => forced(grid, { out: read }))).toEqual(["usage", message]);
    }
  });
});

describe("the folder that says that a sweep is at work", () => {
  it.each<[what: string, make: (work: string) => Promise<void>, message: (work: string) => string]>([
    [
      "holds something else",
      (work) => writeFiles(work, { "notes.txt": "mine" }),
      (work) => `${work} is in the way: it holds notes.txt, which no such run leaves there: move it, or give another --out`,
    ],
    ["is a file", (work) => writeFile(work, "mine"), (work) => `${work} is not a folder`],
    [
      "is another sweep's",
      (work) => writeFiles(work, { "lock.json": { pid: process.pid, host: hostname() } }),
      (work) => `another run (process ${process.pid}) is at work in ${work}: wait for it, or give another --out`,
    ],
  ])("is refused and stays as it is when it %s", async (_, make, message) => {
    await withBackend(async (backend) => {
      const folder = await newFolder();
      const stats = await statistics(folder, backend);
      const out = join(folder, "results.jsonl");
      await make(`${out}.work`);
      const before = namesIn(folder);
      const seen: string[] = [];
      expect(await failureOf(() => sweep(gridOf(stats), optionsOf(out, backend, seen)))).toEqual(["exists", message(`${out}.work`)]);
      expect([seen, namesIn(folder)]).toEqual([[], before]);
    });
  });

  it("is taken over from a sweep that was killed, and goes in the end", async () => {
    await withBackend(async (backend) => {
      const folder = await newFolder();
      const stats = await statistics(folder, backend);
      const out = join(folder, "results.jsonl");
      await writeFiles(`${out}.work`, { "lock.json": "" });
      await sweep(gridOf(stats, { fusions: ["mixture"], sparsities: [0.5] }), optionsOf(out, backend, []));
      expect(readdirSync(folder).sort()).toEqual(["results.jsonl", "stats"]);
    });
  });
});

const namesIn = (folder: string): string[] => readdirSync(folder, { recursive: true }).map(String).sort();

it("makes other rows of another backend's, the dense model's too", async () => {
  await withBackend(async (backend) => {
    const folder = await newFolder();
    const stats = await statistics(folder, backend);
    const grid = gridOf(stats, { fusions: ["mixture"], sparsities: [0.5] });
    const other: Backend = { ...backend, description: { ...backend.description, version: "another" } };
    const keys = new Set<string>();
    for (const [i, one] of [backend, other].entries()) {
      for (const { key } of await sweep(grid, optionsOf(join(folder, `${i}.jsonl`), one, []))) keys.add(key);
    }
    expect(keys.size).toBe(4);
  });
});

it("opens the model and the statistics once for all settings", async () => {
  await withBackend(async (backend) => {
    const folder = await newFolder();
    const stats = await statistics(folder, backend);
    const out = join(folder, "results.jsonl");
    const opened: string[] = [];
    const closed: string[] = [];
    const counted = <T extends { close(): Promise<void> }>(path: string, one: T): T => {
      opened.push(path);
      return {
        ...one,
        async close() {
          closed.push(path);
          await one.close();
        },
      };
    };
    const format: Format = { ...safetensors, open: async (path) => counted(path, await safetensors.open(path)) };
    const statisticsFiles: TensorFiles = { ...safetensorsFiles, open: async (path) => counted(path, await safetensorsFiles.open(path)) };
    const resolve: SweepOptions["resolve"] = async (recipe) => ({ ...(await partsOf(recipe, 64)), format, statisticsFiles });
    await sweep(gridOf(stats), optionsOf(out, backend, [], { format, resolve }));
    expect([opened, closed]).toEqual([
      [MODEL, stats],
      [stats, MODEL],
    ]);
  });
});
