import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import type { Evaluation } from "@secateur/evaluate";
import { type Backend, type Format, SecateurError, throwIfCancelled } from "@secateur/kit";
import type { Emit } from "./events.ts";
import { errorCode, ioError, writeWhole } from "./io.ts";
import { partialFolder } from "./output.ts";
import { type Parts, type Plan, planKey, planPrune } from "./plan.ts";
import { prune } from "./prune.ts";
import { parseRecipe, type Recipe, type RecipeInput } from "./recipe.ts";

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
  /** A hash of all that decides the row: model, statistics, setting, data and program. */
  readonly key: string;
  /** Absent for the dense model. */
  readonly setting?: Pick<Recipe, "scorer" | "fusion" | "sparsity" | "pattern">;
  /** The share of zeros among the weights that are pruned. */
  readonly sparsity: number;
  readonly seconds: number;
  readonly metrics: Readonly<Record<string, Evaluation>>;
}

/** How a sweep is carried out. */
export interface SweepOptions {
  /** The file that the results go to, a line each; a row that is there already is not made again. */
  readonly out: string;
  readonly format: Format;
  readonly backend: Backend;
  /** What a recipe's names stand for. */
  resolve(recipe: Recipe): Promise<Parts>;
  /** What models are measured on, by name; with what it was read, for the rows' keys. */
  readonly data: readonly { readonly name: string; readonly settings: unknown }[];
  /** Measures the model in a folder on one of the data. */
  measure(folder: string, name: string): Promise<Evaluation>;
  readonly onRow?: (row: SweepRow, done: number, total: number) => void;
  readonly emit?: Emit;
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
 * A sweep that was stopped goes on after the last line. Throws SecateurError `exists` for results of something else.
 */
export async function sweep(grid: SweepGrid, options: SweepOptions): Promise<SweepRow[]> {
  const recipes = sweepRecipes(grid);
  const work = `${options.out}.work`;
  const plans: Plan[] = [];
  try {
    for (const recipe of recipes) plans.push(await planPrune(recipe, await options.resolve(recipe), { path: work, force: true }));
    const [first] = plans as [Plan, ...Plan[]]; // a grid has a setting
    const modelHash = await first.model.hash();
    const keyOf = (plan: Plan | undefined): string =>
      rowKey(plan && planKey(plan, modelHash, options.backend.description, options.version), modelHash, options);
    const wanted: { readonly key: string; readonly plan: Plan | undefined }[] = plans.map((plan) => ({ key: keyOf(plan), plan }));
    if (options.data.length > 0) wanted.unshift({ key: keyOf(undefined), plan: undefined });
    const rows = await knownRows(options.out, new Set(wanted.map(({ key }) => key)));
    for (const [i, { key, plan }] of wanted.entries()) {
      throwIfCancelled(options.signal);
      const known = rows.find((row) => row.key === key);
      const row = known ?? (await makeRow(key, plan, first, work, options));
      if (!known) {
        rows.push(row);
        await writeWhole(options.out, rows.map((one) => `${JSON.stringify(one)}\n`).join(""));
      }
      options.onRow?.(row, i + 1, wanted.length);
    }
    return wanted.map(({ key }) => rows.find((row) => row.key === key) as SweepRow); // each has been made or was known
  } finally {
    for (const plan of plans) await plan.close();
    await rm(work, { recursive: true, force: true });
    await rm(partialFolder(work), { recursive: true, force: true });
  }
}

async function makeRow(key: string, plan: Plan | undefined, { model }: Plan, work: string, options: SweepOptions): Promise<SweepRow> {
  const started = performance.now();
  const { format, backend, emit, signal, version } = options;
  const how = { out: work, format, backend, restart: true, version, ...(emit && { emit }), ...(signal && { signal }) };
  const manifest = plan && (await prune(plan, how));
  const seconds = (performance.now() - started) / 1000;
  const metrics: Record<string, Evaluation> = {};
  for (const { name } of options.data) metrics[name] = await options.measure(plan ? work : model.source, name);
  if (!plan) return { key, sparsity: 0, seconds: 0, metrics };
  const { scorer, fusion, sparsity, pattern } = plan.recipe;
  const setting = { scorer, fusion, ...(sparsity !== undefined && { sparsity }), ...(pattern && { pattern }) };
  return { key, setting, sparsity: manifest?.sparsity.ratio ?? 0, seconds, metrics };
}

function rowKey(plan: string | undefined, model: string, { data, version }: SweepOptions): string {
  return `sha256:${createHash("sha256").update(JSON.stringify({ plan, model, data, version })).digest("hex")}`;
}

/** The rows of a file that an earlier sweep of the same settings has begun. */
async function knownRows(out: string, keys: ReadonlySet<string>): Promise<SweepRow[]> {
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
