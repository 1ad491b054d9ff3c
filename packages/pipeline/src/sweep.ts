import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Evaluation } from "@secateur/evaluate";
import { type Backend, type Format, SecateurError, throwIfCancelled } from "@secateur/kit";
import { errorCode, ioError } from "@secateur/kit/node";
import { openStatistics } from "@secateur/statistics";
import { writeWhole } from "./io.ts";
import { checkOutput, checkOutputFile, checkSpace } from "./output.ts";
import { inputsOf, type Parts, type Plan, planKey, planOpened } from "./plan.ts";
import { prune } from "./prune.ts";
import { parseRecipe, type Recipe, type RecipeInput } from "./recipe.ts";
import { checkSweepWork, claimSweepWork, sweepModel } from "./sweep-work.ts";

/** The settings of a sweep: every scorer with every fusion at every sparsity and pattern. */
export interface SweepGrid {
  /** The model, the statistics, and what all settings share. */
  readonly recipe: RecipeInput & { readonly stats: string };
  readonly scorers: readonly string[];
  readonly fusions: readonly string[];
  readonly sparsities: readonly number[];
  readonly patterns: readonly { readonly keep: number; readonly of: number }[];
}

/** What came of one setting, or of the dense model: one line of the results. */
export interface SweepRow {
  /** A hash of all that decides the row: model, statistics, setting, data, backend and program. */
  readonly key: string;
  /** Absent for the dense model. */
  readonly setting?: Pick<Recipe, "scorer" | "solver" | "fusion" | "sparsity" | "pattern">;
  /** The share of zeros among the weights that are pruned. */
  readonly sparsity: number;
  readonly seconds: number;
  readonly metrics: Readonly<Record<string, Evaluation>>;
}

/** How a sweep is carried out. */
export interface SweepOptions {
  /** The file that the results go to, a line each; a row that is there already is not made again. */
  readonly out: string;
  /** Makes every row anew; what is in the file stays until there is a first one. */
  readonly force?: boolean;
  readonly format: Format;
  readonly backend: Backend;
  /** What a recipe's names stand for. */
  resolve(recipe: Recipe): Promise<Parts>;
  /** What models are measured on, by name; with what it was read, for the rows' keys. */
  readonly data: readonly { readonly name: string; readonly settings: unknown }[];
  /** Measures the model in a folder on one of the data. */
  measure(folder: string, name: string): Promise<Evaluation>;
  /** Told each row once it is in the file, and how many of them are done. */
  readonly onRow?: (row: SweepRow, done: number, total: number) => void;
  readonly signal?: AbortSignal;
  readonly version: string;
}

/** The recipes of a grid, checked, sparsities before patterns. Throws SecateurError `usage` when there is none or one is wrong. */
export function sweepRecipes({ recipe, scorers, fusions, sparsities, patterns }: SweepGrid): Recipe[] {
  const amounts = [...sparsities.map((sparsity) => ({ sparsity })), ...patterns.map((pattern) => ({ pattern }))];
  if (amounts.length === 0 || scorers.length === 0 || fusions.length === 0)
    throw new SecateurError("usage", "a sweep has nothing to try: name a scorer, a fusion, and a sparsity or a pattern");
  return amounts.flatMap((amount) =>
    scorers.flatMap((scorer) => fusions.map((fusion) => parseRecipe({ ...recipe, ...amount, scorer, fusion }))),
  );
}

/**
 * Prunes a model by each setting from one statistics file, measures every result, and writes a line for each. Every setting is planned before the first is run.
 * A sweep that was stopped goes on after the last line. Throws SecateurError `exists` for results of something else, unless `force`, and when the folder
 * `OUT.work`, where the models are made, is in use.
 */
export async function sweep(grid: SweepGrid, options: SweepOptions): Promise<SweepRow[]> {
  const recipes = sweepRecipes(grid);
  const { out, signal } = options;
  const inputs = inputsOf(recipes[0] as Recipe); // a grid has a setting, and all read the same
  await checkOutputFile(out, inputs, true);
  await checkSweepWork(out);
  await checkOutput(sweepModel(out), inputs, true);
  return await withPlans(recipes, options, async (plans) => {
    const wanted = await wantedRows(plans, options);
    const rows = await knownRows(options, new Set(wanted.map(({ key }) => key)));
    const release = await claimSweepWork(out);
    try {
      for (const [i, { key, plan }] of wanted.entries()) {
        throwIfCancelled(signal);
        const known = rows.find((row) => row.key === key);
        const row = known ?? (await makeRow(key, plan, inputs.model, options));
        if (!known) {
          rows.push(row);
          await writeWhole(out, rows.map((one) => `${JSON.stringify(one)}\n`).join(""));
        }
        options.onRow?.(row, i + 1, wanted.length);
      }
    } finally {
      await release();
    }
    return wanted.map(({ key }) => rows.find((row) => row.key === key) as SweepRow); // each has been made or was known
  });
}

/** Plans all settings on one opening of the model and of the statistics: what is found out about them, such as their hashes, is found out once. */
async function withPlans<T>(recipes: readonly Recipe[], options: SweepOptions, use: (plans: readonly Plan[]) => Promise<T>): Promise<T> {
  const settings: { readonly recipe: Recipe; readonly parts: Parts }[] = [];
  for (const recipe of recipes) settings.push({ recipe, parts: await options.resolve(recipe) });
  const [{ recipe: first, parts: files }] = settings as [(typeof settings)[0], ...typeof settings]; // a grid has a setting
  const model = await options.format.open(first.model);
  try {
    const statistics = await openStatistics(files.statisticsFiles, first.stats as string); // a grid has statistics
    try {
      const plans: Plan[] = [];
      const opened = { model, statistics, replace: true, close: async () => {} };
      for (const { recipe, parts } of settings) plans.push(await planOpened(recipe, parts, opened));
      for (const { summary } of plans) await checkSpace(sweepModel(options.out), summary.diskBytes + summary.scratchBytes);
      return await use(plans);
    } finally {
      await statistics.close();
    }
  } finally {
    await model.close();
  }
}

interface WantedRow {
  readonly key: string;
  /** Absent for the dense model. */
  readonly plan?: Plan;
}

async function wantedRows(plans: readonly Plan[], options: SweepOptions): Promise<WantedRow[]> {
  const { backend, data, version } = options;
  const modelHash = await (plans[0] as Plan).model.hash(); // all have one model
  const rows = plans.map((plan) => ({ key: rowKey(planKey(plan, modelHash, backend.description, version), modelHash, options), plan }));
  return data.length > 0 ? [{ key: rowKey(undefined, modelHash, options) }, ...rows] : rows;
}

async function makeRow(key: string, plan: Plan | undefined, dense: string, options: SweepOptions): Promise<SweepRow> {
  const started = performance.now();
  const { format, backend, signal, version } = options;
  const out = sweepModel(options.out);
  const manifest = plan && (await prune(plan, { out, format, backend, restart: true, version, ...(signal && { signal }) }));
  const seconds = (performance.now() - started) / 1000;
  const metrics: Record<string, Evaluation> = {};
  for (const { name } of options.data) metrics[name] = await options.measure(plan ? out : dense, name);
  if (!plan) return { key, sparsity: 0, seconds: 0, metrics };
  const { scorer, solver, fusion, sparsity, pattern } = plan.recipe;
  const setting = {
    scorer,
    ...(solver !== undefined && { solver }),
    fusion,
    ...(sparsity !== undefined && { sparsity }),
    ...(pattern && { pattern }),
  };
  return { key, setting, sparsity: manifest?.sparsity.ratio ?? 0, seconds, metrics };
}

function rowKey(plan: string | undefined, model: string, { data, backend: { description: backend }, version }: SweepOptions): string {
  return `sha256:${createHash("sha256").update(JSON.stringify({ plan, model, data, backend, version })).digest("hex")}`;
}

/** The rows of a file that an earlier sweep of the same settings has begun; none with `force`. */
async function knownRows({ out, force = false }: SweepOptions, keys: ReadonlySet<string>): Promise<SweepRow[]> {
  if (force) return [];
  let text: string;
  try {
    text = await readFile(out, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw ioError(error, "read", out);
  }
  const rows = text.split("\n").flatMap((line) => (line === "" ? [] : [rowOf(line)]));
  if (rows.every((row): row is SweepRow => row !== undefined && keys.has(row.key))) return rows;
  throw new SecateurError(
    "exists",
    `--out ${out} holds something else than results of these settings: give another, or --force to replace it`,
    {
      where: { file: out },
    },
  );
}

function rowOf(line: string): SweepRow | undefined {
  try {
    const row = JSON.parse(line) as Partial<SweepRow> | null;
    return typeof row?.key === "string" && row.metrics ? (row as SweepRow) : undefined; // what has a key that is known was written here
  } catch {
    return undefined;
  }
}
