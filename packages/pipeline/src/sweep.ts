import { createHash } from "node:crypto";
import type { Evaluation } from "@secateur/evaluate";
import { type Backend, type Format, type Loader, type OpenModel, SecateurError } from "@secateur/kit";
import { describeModel } from "@secateur/models";
import { openStatistics } from "@secateur/statistics";
import { boundsOf, loadEvaluation } from "./evaluation-data.ts";
import { evaluationFacts, type MeasureInput, type Measuring, measureModel } from "./measuring.ts";
import { checkOutputFile } from "./output.ts";
import { inputsOf, type Parts, type Plan, planKey, planOpened } from "./plan.ts";
import { sparsityOf } from "./prune-layer.ts";
import { openPruned } from "./pruned-model.ts";
import { parseRecipe, type Recipe, type RecipeInput } from "./recipe.ts";
import { checkRows, makeRows, type WantedRow } from "./rows.ts";
import { chooseSeqLen } from "./seq-len.ts";
import { claimWork } from "./work.ts";

/** The settings of a sweep: every scorer with every fusion at every sparsity and pattern. */
export interface SweepGrid {
  /** The model, the statistics, and what all settings share. */
  readonly recipe: RecipeInput & { readonly stats: string };
  readonly scorers: readonly string[];
  readonly fusions: readonly string[];
  readonly sparsities: readonly number[];
  readonly patterns: readonly { readonly keep: number; readonly of: number }[];
}

/** What the models of a sweep are measured on: all of it, and in windows of 2048 tokens or the model's positions, where nothing else is said. */
export type SweepMeasure = Omit<MeasureInput, "evaluateSamples"> & Partial<Pick<MeasureInput, "evaluateSamples">>;

/** What came of one setting, or of the dense model: one line of the results. */
export interface SweepRow {
  /** A hash of all that decides the row: model, statistics, setting, data, backend and program. */
  readonly key: string;
  /** Absent for the dense model. */
  readonly setting?: Pick<Recipe, "scorer" | "solver" | "fusion" | "sparsity" | "pattern">;
  /** The share of zeros among the weights that are pruned. */
  readonly sparsity: number;
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
  /** What models are measured on; left out, nothing is. */
  readonly measure?: SweepMeasure | undefined;
  /** What reads it. */
  readonly loaders: readonly Loader[];
  /** Hears how much of a model is measured, 0 to 1, and on which data it is. */
  readonly onMeasure?: (data: string, share: number) => void;
  /** Told each row once it is in the file, and how many of them are done. */
  readonly onRow?: (row: SweepRow, done: number, total: number) => void;
  readonly signal?: AbortSignal;
  readonly version: string;
}

/** The recipes of a grid, checked, sparsities before patterns. Throws SecateurError `usage` when there is none or one is wrong. */
export function sweepRecipes({ recipe, scorers, fusions, sparsities, patterns }: SweepGrid): Recipe[] {
  const amounts = [...sparsities.map((sparsity) => ({ sparsity })), ...patterns.map((pattern) => ({ pattern }))];
  if (amounts.length === 0 || scorers.length === 0)
    throw new SecateurError("usage", "a sweep has nothing to try: name a scorer, and a sparsity or a pattern");
  const tried = fusions.length > 0 ? fusions : [undefined];
  return amounts.flatMap((amount) =>
    scorers.flatMap((scorer) => tried.map((fusion) => parseRecipe({ ...recipe, ...amount, scorer, fusion }))),
  );
}

/**
 * Prunes a model by each setting from one statistics file, in memory, measures every result, and writes a line for each. Every setting is planned before the
 * first is run. A sweep that was stopped goes on after the last line. Throws SecateurError `exists` for results of something else, unless `force`, and when
 * another sweep is at work on them, which the folder `OUT.work` says.
 */
export async function sweep(grid: SweepGrid, options: SweepOptions): Promise<SweepRow[]> {
  const recipes = sweepRecipes(grid);
  const { out, signal, measure } = options;
  const inputs = inputsOf(recipes[0] as Recipe); // a grid has a setting, and all read the same
  const measured = measure?.evaluate.map(({ source }) => source) ?? [];
  await checkOutputFile(out, { ...inputs, data: [...inputs.data, ...measured] }, true);
  return await withPlans(recipes, options, async (plans) => {
    const measuring = await measuringOf((plans[0] as Plan).model, options); // all have one model
    const wanted = await wantedRows(plans, measuring, options);
    const { force = false, onRow } = options;
    if (!force) await checkRows(out, new Set(wanted.map(({ key }) => key)));
    const work = await claimWork(`${out}.work`, []);
    try {
      return await makeRows(wanted, { path: out, force, onRow, signal });
    } finally {
      await work.release(true);
    }
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
      return await use(plans);
    } finally {
      await statistics.close();
    }
  } finally {
    await model.close();
  }
}

/** What models are measured on, read once for all of them; nothing where there is none. */
async function measuringOf(model: OpenModel, { measure, loaders }: SweepOptions): Promise<Measuring | undefined> {
  if (!measure || measure.evaluate.length === 0) return undefined;
  const description = describeModel(model);
  const { evaluateSamples = Number.MAX_SAFE_INTEGER } = measure;
  const bounds = boundsOf({ ...measure, evaluateSamples }, chooseSeqLen(undefined, description), description);
  return { bounds, evaluation: await loadEvaluation([], measure.evaluate, bounds, loaders) };
}

/** The dense model first, where models are measured, and then every setting. */
async function wantedRows(plans: readonly Plan[], measuring: Measuring | undefined, options: SweepOptions): Promise<WantedRow<SweepRow>[]> {
  const { backend, version } = options;
  const { model } = plans[0] as Plan; // all have one model
  const modelHash = await model.hash();
  const data = measuring && [measuring.bounds, evaluationFacts(measuring).map(({ name, hash }) => [name, hash])];
  const keyOf = (plan: string | undefined): string =>
    `sha256:${createHash("sha256")
      .update(JSON.stringify({ plan, model: modelHash, data, backend: backend.description, version }))
      .digest("hex")}`;
  const rows = plans.map((plan): WantedRow<SweepRow> => {
    const key = keyOf(planKey(plan, modelHash, backend.description, version));
    return { key, make: () => makeRow(key, plan, measuring, options) };
  });
  if (!measuring) return rows;
  const dense = keyOf(undefined);
  return [{ key: dense, make: async () => ({ key: dense, sparsity: 0, metrics: await metricsOf(model, measuring, options) }) }, ...rows];
}

async function makeRow(key: string, plan: Plan, measuring: Measuring | undefined, options: SweepOptions): Promise<SweepRow> {
  const { backend, signal } = options;
  const pruned = await openPruned(plan, { backend, ...(signal && { signal }) });
  const metrics = measuring ? await metricsOf(pruned.model, measuring, options) : {};
  const { scorer, solver, fusion, sparsity, pattern } = plan.recipe;
  const setting = {
    scorer,
    ...(solver !== undefined && { solver }),
    fusion,
    ...(sparsity !== undefined && { sparsity }),
    ...(pattern && { pattern }),
  };
  return { key, setting, sparsity: sparsityOf(await pruned.layers()), metrics };
}

async function metricsOf(model: OpenModel, measuring: Measuring, options: SweepOptions): Promise<Record<string, Evaluation>> {
  const { backend, signal, onMeasure } = options;
  return measureModel(measuring, model, { backend, signal, ...(onMeasure && { onProgress: onMeasure }) });
}
