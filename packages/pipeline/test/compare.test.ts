import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { jsonlLoader } from "@secateur/data-jsonl";
import { textLoader } from "@secateur/data-text";
import { evaluate } from "@secateur/evaluate";
import { safetensors, safetensorsFiles } from "@secateur/format-safetensors";
import { type Backend, GENERAL } from "@secateur/kit";
import { describeModel } from "@secateur/models";
import { createEngine } from "@secateur/runner";
import { seededRandom } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { isHeldOut } from "../src/holdout.ts";
import { type ComparedRow, type CompareEvent, type CompareInput, type CompareOptions, compare, planCompare } from "../src/index.ts";
import { goldenFolder } from "./golden-cases.ts";
import { partsOf, run } from "./run.ts";
import { failureOf, newFolder, withBackend, writeFiles } from "./support.ts";

const MODEL = goldenFolder("llama");

/** Rows of token ids that a role has a taste for: from `low` on, in a walk of its own. */
function rowsOf(seed: number, low: number, count: number): { input_ids: number[] }[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => ({ input_ids: Array.from({ length: 24 }, () => low + Math.floor(random.next() * 40)) }));
}

const files = { "general.jsonl": rowsOf(1, 3, 40), "math.jsonl": rowsOf(2, 50, 30), "code.jsonl": rowsOf(3, 20, 20) };

async function data(more: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const folder = await newFolder();
  await writeFiles(folder, { ...files, ...more });
  return folder;
}

const rules = (...names: string[]) => names.map((name) => ({ name, fusion: name }));

function inputOf(folder: string, change: Partial<CompareInput> = {}, recipe: Partial<CompareInput["recipe"]> = {}): CompareInput {
  return {
    recipe: {
      model: MODEL,
      general: [{ source: join(folder, "general.jsonl") }],
      tasks: [{ name: "math", source: join(folder, "math.jsonl") }],
      sparsity: 0.5,
      ...recipe,
    },
    mixtures: [0.25, 0.5, 0.75],
    rules: rules("shared-exclusive", "max"),
    evaluate: [],
    evaluateSamples: 64,
    ...change,
  };
}

const plan = (input: CompareInput) =>
  planCompare(input, {
    format: safetensors,
    loaders: [jsonlLoader, textLoader],
    preferredTokens: 64,
    resolve: (recipe) => partsOf(recipe, 64),
  });

async function compared(
  input: CompareInput,
  folder: string,
  backend: Backend,
  change: Partial<CompareOptions> = {},
): Promise<ComparedRow[]> {
  const made = await plan(input);
  try {
    return await compare(made, { work: join(folder, "work"), files: safetensorsFiles, backend, version: "0.0.0", ...change });
  } finally {
    await made.close();
  }
}

describe("a comparison", () => {
  it("measures the dense model and every variant, on equally many tokens, and keeps no files", async () => {
    await withBackend(async (backend) => {
      const folder = await data();
      const rows = await compared(inputOf(folder), folder, backend);
      expect(rows.map(({ name, kind, sparsity }) => [name, kind, sparsity])).toEqual([
        ["dense", "dense", 0],
        ["general", "role", 0.5],
        ["math only", "role", 0.5],
        ["mixture 0.25", "mixture", 0.5],
        ["mixture 0.5", "mixture", 0.5],
        ["mixture 0.75", "mixture", 0.5],
        ["shared-exclusive", "rule", 0.5],
        ["max", "rule", 0.5],
      ]);
      const [, general, math, ...others] = rows;
      for (const { tokens } of others) expect(tokens).toBe(((general?.tokens ?? 0) + (math?.tokens ?? 0)) / 2);
      expect(rows.map(({ weights }) => weights)).toEqual([
        undefined,
        { general: 1 },
        { math: 1 },
        { general: 0.75, math: 0.25 },
        { general: 0.5, math: 0.5 },
        { general: 0.25, math: 0.75 },
        { general: 0.5, math: 0.5 },
        { general: 0.5, math: 0.5 },
      ]);
      for (const { metrics } of rows) expect(Object.keys(metrics)).toEqual(["general", "math"]);
      expect(rows.map(({ frontier }) => Object.keys(frontier ?? {}))).toEqual([[], [], [], [], [], [], ["math"], ["math"]]);
      expect(readdirSync(folder).sort()).toEqual(["code.jsonl", "general.jsonl", "math.jsonl"]);
    });
  });

  it("gives what pruning and measuring the same rows one by one gives", async () => {
    await withBackend(async (backend) => {
      const folder = await data();
      const rows = await compared(inputOf(folder), folder, backend);
      const [kept, held] = [files["math.jsonl"], files["general.jsonl"]].map((all, i) => {
        const origin = { source: "", line: 0 };
        return all.filter(({ input_ids: ids }) => isHeldOut({ kind: "ids", ids, origin }) === (i === 1));
      }) as [(typeof files)["math.jsonl"], (typeof files)["math.jsonl"]];
      await writeFiles(folder, { "kept.jsonl": kept.slice(0, 2 * Math.floor(kept.length / 2)), "held.jsonl": held });
      const out = join(folder, "pruned");
      await run(
        { model: MODEL, tasks: [{ name: "math", source: join(folder, "kept.jsonl") }], fusion: "task", sparsity: 0.5, propagate: "none" },
        out,
        backend,
      );
      const model = await safetensors.open(out);
      const engine = createEngine(model, describeModel(model), backend);
      const documents = jsonlLoader.load(join(folder, "held.jsonl"), {}, { rows: 0, empty: 0, duplicates: 0 });
      const found = await evaluate(engine, () => Promise.reject() as never, documents);
      await engine.release();
      await model.close();
      expect(rows[2]?.metrics.general).toMatchObject({ nll: expect.closeTo((found as { nll: number }).nll, 6), windows: held.length });
    });
  });

  it("goes on where it was stopped, and with restart begins anew", async () => {
    await withBackend(async (backend) => {
      const folder = await data();
      const stop = new AbortController();
      const seen: string[] = [];
      const emit = (event: CompareEvent): void => {
        if (event.type === "progress" && event.phase === "calibrate" && seen.at(-1) !== "calibrate") seen.push("calibrate");
        if (event.type === "measure" && seen.at(-1) !== event.variant) seen.push(event.variant);
        if (event.type === "row" && event.done === 3) stop.abort();
      };
      expect(await failureOf(() => compared(inputOf(folder), folder, backend, { emit, signal: stop.signal }))).toEqual([
        "cancelled",
        "the run was cancelled",
      ]);
      expect(readdirSync(join(folder, "work")).sort()).toEqual([
        "half-a.safetensors",
        "half-b.safetensors",
        "rows.jsonl",
        "whole.safetensors",
      ]);
      expect(seen.splice(0)).toEqual(["calibrate", "dense", "general", "math only"]);
      const keep = () => Promise.reject(new Error("the disk is full"));
      await expect(compared(inputOf(folder), folder, backend, { emit, keep })).rejects.toThrow("the disk is full");
      expect(seen.splice(0)).toEqual(["mixture 0.25", "mixture 0.5", "mixture 0.75", "shared-exclusive", "max"]);
      const message = `${join(folder, "work", "half-a.safetensors")} was left by a comparison of something else: give --restart to discard it, or another --out`;
      const other = inputOf(folder, {}, { samples: 10 });
      expect(await failureOf(() => compared(other, folder, backend, { emit }))).toEqual(["exists", message]);
      const rows = await compared(other, folder, backend, { emit, restart: true });
      expect([rows.length, seen[0], existsSync(join(folder, "work"))]).toEqual([8, "calibrate", false]);
    });
  });

  it("takes several tasks, other data to measure with, a solver, and a pattern", async () => {
    await withBackend(async (backend) => {
      const folder = await data({ "fresh.jsonl": rowsOf(4, 50, 12), "other.jsonl": rowsOf(5, 10, 12) });
      const tasks = ["math", "code"].map((name) => ({ name, source: join(folder, `${name}.jsonl`) }));
      const evaluate = ["math=fresh", "other=other"].map((pair) => {
        const [name, file] = pair.split("=") as [string, string];
        return { name, source: join(folder, `${file}.jsonl`) };
      });
      const input = inputOf(
        folder,
        { evaluate, mixtures: [0.5], rules: rules("max") },
        { tasks, scorer: "sparsegpt", sparsity: undefined, pattern: { keep: 2, of: 4 }, weights: { general: 0.5, math: 0.1, code: 0.4 } },
      );
      const made = await plan(input);
      expect(made.summary.evaluation.map(({ name, documents, heldOut }) => [name, documents, heldOut])).toEqual([
        ["general", expect.any(Number), true],
        ["math", 12, false],
        ["code", expect.any(Number), true],
        ["other", 12, false],
      ]);
      expect(made.needs.map(({ id }) => id)).toContain("gram");
      expect(made.summary.roles.find(({ role }) => role === "math")?.sequences).toBe(30); // of its rows none is held out
      await made.close();
      const rows = await compared(input, folder, backend);
      expect(rows.map(({ name }) => name)).toEqual(["dense", "general", "math only", "code only", "mixture 0.5", "max"]);
      expect(rows[4]?.weights).toEqual({ general: 0.5, math: expect.closeTo(0.1), code: expect.closeTo(0.4) });
      expect(Object.keys(rows[5]?.frontier ?? {})).toEqual(["math", "code", "other"]);
      for (const { sparsity } of rows.slice(1)) expect(sparsity).toBe(0.5);
    });
  });

  it("reads the loss's gradients where the scorer does", async () => {
    await withBackend(async (backend) => {
      const folder = await data();
      const rows = await compared(inputOf(folder, { mixtures: [0.5], rules: rules("sum") }, { scorer: "fisher" }), folder, backend);
      expect(new Set(rows.map(({ metrics }) => metrics[GENERAL]?.losses[0]?.loss)).size).toBe(5);
    });
  });
});

describe("what cannot be compared", () => {
  it.each<[what: string, change: (folder: string) => CompareInput, code: string, message: (folder: string) => string]>([
    [
      "no general text",
      (folder) => inputOf(folder, {}, { general: [] }),
      "usage",
      () => "a comparison wants general text: name a file with --general, such as --general c4.jsonl",
    ],
    [
      "no task",
      (folder) => inputOf(folder, {}, { tasks: [] }),
      "usage",
      () => "a comparison wants a task's data: name a file with --task, such as --task math=gsm8k.jsonl",
    ],
    [
      "a mixture of one role",
      (folder) => inputOf(folder, { mixtures: [0.5, 1] }),
      "usage",
      () => "the tasks' weight in a mixture or rule is 1: wanted a number above 0 and below 1, such as 0.5",
    ],
    [
      "a fusion of its recipe",
      (folder) => inputOf(folder, {}, { fusion: "max" }),
      "usage",
      () => "a comparison chooses fusion and statistics itself: leave fusion, fusionOptions and stats out of its recipe",
    ],
    [
      "two rules of one name",
      (folder) => inputOf(folder, { rules: rules("max", "max") }),
      "usage",
      () => "two of what is compared are called max: name each once",
    ],
    [
      "a role of one sequence",
      (folder) => inputOf(folder, {}, { samples: 1 }),
      "data",
      (folder) =>
        `role general (${join(folder, "general.jsonl")}) gives one sequence, and a comparison wants two or more, one for each half: give more data, or a smaller --seq-len`,
    ],
    [
      "rows of which none is held out",
      (folder) => inputOf(folder, {}, { tasks: [{ name: "few", source: join(folder, "few.jsonl") }] }),
      "data",
      (folder) => `${join(folder, "few.jsonl")}: nothing to measure few with, none of its 2 rows is held out: give --eval few=FILE`,
    ],
    [
      "data to measure with that is calibrated with",
      (folder) => inputOf(folder, { evaluate: [{ name: "math", source: join(folder, "leaked.jsonl") }] }),
      "data",
      (folder) =>
        `${join(folder, "leaked.jsonl")}, line 2: this row is calibration data of the role math too (${join(folder, "math.jsonl")}, line 8), as are 1 of the 2 rows that math is measured on: give other rows, or leave --eval math=${join(folder, "leaked.jsonl")} out, so that rows are held out`,
    ],
  ])("%s", async (_, change, code, message) => {
    const [, fresh] = [files["math.jsonl"][7], rowsOf(9, 50, 1)[0]];
    const folder = await data({ "few.jsonl": rowsOf(7, 50, 2), "leaked.jsonl": [fresh, files["math.jsonl"][7]] });
    expect(await failureOf(() => plan(change(folder)))).toEqual([code, message(folder)]);
  });

  it("is warned of where it is one row in a hundred", async () => {
    const folder = await data({ "mostly.jsonl": [...rowsOf(9, 50, 120), files["math.jsonl"][7]] });
    const made = await plan(inputOf(folder, { evaluate: [{ name: "math", source: join(folder, "mostly.jsonl") }], evaluateSamples: 200 }));
    expect(made.summary.warnings).toContain(
      `${join(folder, "mostly.jsonl")}, line 121: this row is calibration data of the role math too (${join(folder, "math.jsonl")}, line 8), as are 1 of the 121 rows that math is measured on`,
    );
    await made.close();
  });
});
