import { GENERAL, type ScorerPlugin, SecateurError } from "@secateur/kit";
import { parseInput } from "@secateur/tasks";
import { z } from "zod";

/** One data source of a recipe. */
export interface DataSource {
  /** A data file, as the loaders read them. */
  readonly source: string;
  /** Standard key → the column that holds it. */
  readonly fields?: Readonly<Record<string, string>> | undefined;
  /** A text with {column} places, in which `|||` parts the prompt from the answer; or the name of a task template, or a JSON file with one. */
  readonly template?: string | undefined;
}

/** One of a task's data sources. */
interface TaskSource extends DataSource {
  readonly name: string;
}

/** Everything that decides what a pruned model is, with defaults filled in: the command's flags and the manifest of a run both say this. */
export interface Recipe {
  readonly model: string;
  readonly general: readonly DataSource[];
  readonly tasks: readonly TaskSource[];
  /** A statistics file in place of data: its roles are the run's, and no data passes the model. */
  readonly stats?: string | undefined;
  /** Role → its weight; roles without one share what is left equally. */
  readonly weights: Readonly<Record<string, number>>;
  readonly scorer: string;
  readonly scorerOptions: Readonly<Record<string, unknown>>;
  /** What repairs the weights that the scorer keeps; left out, they stay as they are. */
  readonly solver?: string | undefined;
  readonly solverOptions: Readonly<Record<string, unknown>>;
  /** How the roles' scores become one; left out, what suits the scorer (`fusionOf`). */
  readonly fusion?: string | undefined;
  readonly fusionOptions: Readonly<Record<string, unknown>>;
  /** What chooses each layer's part of the sparsity; left out, every layer has the same. */
  readonly allocate?: string | undefined;
  readonly allocateOptions: Readonly<Record<string, unknown>>;
  readonly backend: string;
  readonly backendOptions: Readonly<Record<string, unknown>>;
  /** The share that is pruned, of each group that the scorer selects in. */
  readonly sparsity?: number | undefined;
  /** Of every `of` consecutive inputs of an output `keep` stay. */
  readonly pattern?: { readonly keep: number; readonly of: number } | undefined;
  /** Sequences a role. */
  readonly samples: number;
  /** Tokens a sequence; left out, 2048 or the model's positions if fewer. */
  readonly seqLen?: number | undefined;
  readonly pack?: boolean | undefined;
  readonly promptWeight: number;
  readonly shuffle: boolean;
  readonly seed: number;
  /** Left out, what suits the method: `none` where scores are the dense model's, else `block`. */
  readonly propagate?: "block" | "linear" | "none" | undefined;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** A recipe in which nothing is left open. */
export type PlannedRecipe = Recipe & { readonly fusion: string; readonly propagate: "block" | "linear" | "none" };

/** A recipe as a user writes it: what has a default may be left out. */
export type RecipeInput = { readonly [Key in keyof Recipe]?: Recipe[Key] | undefined } & Pick<Recipe, "model">;

const options = z.record(z.string(), z.unknown(), "an object of options").default({});
const globs = z.array(z.string("a glob").min(1), "a list of globs").default([]);
const source = z.string("the path of a data file").min(1).describe("a data file, as the loaders read them");
const fields = z
  .record(z.string(), z.string("the name of a column"), "an object: standard key → column")
  .optional()
  .describe("standard key → the column that holds it");
const template = z
  .string("a text with {column} places, or a task template's name or file")
  .optional()
  .describe(
    "a text with {column} places, in which ||| parts the prompt from the answer; or a task template's name, or a JSON file with one",
  );
const dataSource = z.strictObject({ source, fields, template }, "an object with a source");
const taskName = z.string("a name of letters, digits, _ and -, with a letter or _ first").regex(/^[A-Za-z_][\w-]*$/);
const patternCount = z.int("a whole number from 1 on").min(1);

// The message of an issue is what is wanted, as a noun; it is said of a type and of its bounds alike.
const recipeObject = z.strictObject(
  {
    model: z.string("a model's folder").min(1).describe("a model's folder"),
    general: z
      .array(dataSource, "a list of data sources")
      .default([])
      .describe("text that stands for everything the model should still do"),
    tasks: z
      .array(z.strictObject({ name: taskName, source, fields, template }, "an object with a name and a source"), "a list of tasks")
      .default([])
      .describe("each task's data, by name"),
    stats: z
      .string("the path of a statistics file")
      .min(1)
      .optional()
      .describe("a statistics file in place of data: its roles are the run's, and no data passes the model"),
    weights: z
      .record(z.string(), z.number("a number from 0 to 1").min(0).max(1), "an object: role → weight")
      .default({})
      .describe("role → its weight; roles without one share what is left equally"),
    scorer: z.string("the name of a scorer").min(1).default("wanda"),
    scorerOptions: options,
    solver: z
      .string("the name of a solver")
      .min(1)
      .optional()
      .describe("what repairs the weights that the scorer keeps; left out, they stay as they are"),
    solverOptions: options,
    fusion: z
      .string("the name of a fusion")
      .min(1)
      .optional()
      .describe("how the roles' scores become one; default: with tasks what suits the scorer, as a rule mixture, else general"),
    fusionOptions: options,
    allocate: z
      .string("the name of an allocator")
      .min(1)
      .optional()
      .describe("what chooses each layer's part of the sparsity; left out, every layer has the same"),
    allocateOptions: options,
    backend: z.string("the name of a backend").min(1).default("onnxruntime"),
    backendOptions: options,
    sparsity: z
      .number("a number between 0 and 1 (both excluded)")
      .gt(0)
      .lt(1)
      .optional()
      .describe("the share of each group that is pruned"),
    pattern: z
      .strictObject({ keep: patternCount, of: patternCount }, "an object with keep and of, such as { keep: 2, of: 4 }")
      .optional()
      .describe("of every `of` consecutive inputs of an output `keep` stay"),
    samples: z.int("a whole number from 1 on").min(1).default(128).describe("sequences a role"),
    seqLen: z
      .int("a whole number from 2 on")
      .min(2)
      .optional()
      .describe("tokens a sequence; default: 2048, or the model's positions if fewer"),
    pack: z.boolean("true or false").optional().describe("join documents into full sequences; default: text is packed, task rows are not"),
    promptWeight: z
      .number("a number from 0 to 1")
      .min(0)
      .max(1)
      .default(1)
      .describe("what a prompt's tokens count in statistics, against 1 for an answer's"),
    shuffle: z.boolean("true or false").default(false).describe("draw rows at random, by the seed, instead of in the file's order"),
    seed: z.int("a whole number").default(0),
    propagate: z
      .enum(["block", "linear", "none"], 'one of "block", "linear" and "none"')
      .optional()
      .describe(
        "what a layer's statistics see before it: pruned blocks, pruned layers, or dense ones; default: block, or none with stats and where scores are the dense model's",
      ),
    include: globs.describe("globs of tensor names to prune; default: the blocks' linear layers"),
    exclude: globs.describe("globs of tensor names to leave alone"),
  },
  "an object",
);

/** The schema of recipes: checks a `RecipeInput` and fills in what depends neither on other keys nor on plugins. */
export const recipeSchema: z.ZodType<Recipe, RecipeInput> = recipeObject;

/** Checks a recipe. Throws SecateurError `usage` that names each key, what was found and what is wanted. */
export function parseRecipe(input: unknown): Recipe {
  const recipe = parseInput(recipeObject, input, "the recipe");
  checkAmount(recipe);
  checkStats(recipe);
  checkNames(recipe.tasks);
  return { ...recipe, ...(recipe.stats !== undefined && { propagate: "none" as const }) };
}

/**
 * The name of a recipe's fusion: the one that it names, else with tasks, or statistics that may have some, the one that suits its scorer, as a rule `mixture`
 * (docs/decisions/014), else that of general text alone.
 */
export function fusionOf(
  { fusion, tasks, stats }: Pick<Recipe, "fusion" | "tasks" | "stats">,
  scorer: Pick<ScorerPlugin, "fusion">,
): string {
  return fusion ?? (tasks.length > 0 || stats !== undefined ? (scorer.fusion ?? "mixture") : GENERAL);
}

/** What a statistics file takes the place of is not given beside it. */
function checkStats({ stats, general, tasks, propagate }: z.infer<typeof recipeObject>): void {
  if (stats === undefined) return;
  if (general.length + tasks.length > 0) {
    throw new SecateurError(
      "usage",
      `data is given beside the statistics ${stats}, which have been collected already: give one of the two`,
    );
  }
  if (propagate !== undefined && propagate !== "none") {
    throw new SecateurError(
      "usage",
      `propagate: ${propagate} was given with the statistics ${stats}, which are the dense model's: with statistics it is none`,
    );
  }
}

/** Throws SecateurError `usage` for two tasks of one name, or one of the general text's. */
function checkNames(tasks: readonly { readonly name: string }[]): void {
  const names = tasks.map(({ name }) => name);
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined) throw new SecateurError("usage", `two tasks are called ${repeated}: give each a name of its own`);
  if (names.includes(GENERAL)) throw new SecateurError("usage", `a task cannot be called ${GENERAL}: that is the role of general text`);
}

/** What decides a statistics file, with defaults filled in. */
export interface CalibrationRecipe
  extends Pick<
    Recipe,
    | "model"
    | "general"
    | "tasks"
    | "backend"
    | "backendOptions"
    | "samples"
    | "seqLen"
    | "pack"
    | "promptWeight"
    | "shuffle"
    | "seed"
    | "include"
    | "exclude"
  > {
  /** Whether Gram matrices are collected, which solvers read; they take far more room than norms. */
  readonly gram: boolean;
  /** Whether the gradients of the loss at the layers' outputs are collected, which takes a way back through the blocks. */
  readonly gradients: boolean;
  /** Whether the diagonal of each layer's Fisher information is collected, with the gradients; it takes as much room as the weights in double precision. */
  readonly fisher: boolean;
  /** Whether the gradients of each block's own norm are collected, as wanda-plus reads them. */
  readonly regional: boolean;
}

/** A calibration recipe as a user writes it. */
export type CalibrationInput = { readonly [Key in keyof CalibrationRecipe]?: CalibrationRecipe[Key] | undefined } & Pick<Recipe, "model">;

const { shape: keys } = recipeObject;
const calibrationObject = z.strictObject(
  {
    model: keys.model,
    general: keys.general,
    tasks: keys.tasks,
    backend: keys.backend,
    backendOptions: keys.backendOptions,
    samples: keys.samples,
    seqLen: keys.seqLen,
    pack: keys.pack,
    promptWeight: keys.promptWeight,
    shuffle: keys.shuffle,
    seed: keys.seed,
    include: keys.include,
    exclude: keys.exclude,
    gram: z.boolean("true or false").default(false).describe("collect Gram matrices too, which solvers such as sparsegpt read"),
    gradients: z.boolean("true or false").default(false).describe("collect the loss's gradients too, which the scorer fisher reads"),
    fisher: z
      .boolean("true or false")
      .default(false)
      .describe("collect the diagonal of the Fisher information too, with the gradients, which the scorer obd reads"),
    regional: z.boolean("true or false").default(false).describe("collect the gradients of each block's norm too, which wanda-plus reads"),
  },
  "an object",
);

/** Checks a calibration recipe. Throws SecateurError `usage` as `parseRecipe` does, and when no data is named. */
export function parseCalibration(input: unknown): CalibrationRecipe {
  const recipe = parseInput(calibrationObject, input, "the recipe");
  checkNames(recipe.tasks);
  if (recipe.general.length + recipe.tasks.length === 0)
    throw new SecateurError(
      "usage",
      "no data is given to calibrate with: name a file with --general, such as --general c4.jsonl, or --task",
    );
  return recipe;
}

/** All data sources of a recipe. */
export function dataSources({ general, tasks }: Pick<Recipe, "general" | "tasks">): readonly DataSource[] {
  return [...general, ...tasks];
}

function checkAmount({ sparsity, pattern, allocate }: Pick<Recipe, "sparsity" | "pattern" | "allocate">): void {
  if (pattern && allocate !== undefined) {
    throw new SecateurError(
      "usage",
      `allocate: ${allocate} was given with a pattern, which prunes every layer alike: give a sparsity, or leave allocate out`,
    );
  }
  if (pattern && sparsity !== undefined) throw new SecateurError("usage", "sparsity and pattern exclude each other: give one");
  if (!pattern && sparsity === undefined)
    throw new SecateurError("usage", "how much to prune is not said: give a sparsity such as 0.5, or a pattern such as 2:4");
  if (!pattern || pattern.keep < pattern.of) return;
  const { keep, of } = pattern;
  throw new SecateurError(
    "usage",
    `the pattern ${keep}:${of} prunes nothing: KEEP:OF keeps KEEP of every OF weights, so KEEP is less than OF`,
  );
}

/** The roles' weights, summing to 1, in the order of `roles`. Throws SecateurError `usage` for an unknown role or weights that cannot sum to 1. */
export function roleWeights(roles: readonly string[], given: Readonly<Record<string, number>>): Map<string, number> {
  const unknown = Object.keys(given).find((name) => !roles.includes(name));
  if (unknown !== undefined)
    throw new SecateurError("usage", `a weight is given for ${unknown}, which is no role here; roles are ${roles.join(", ")}`);
  const named = roles.filter((role) => Object.hasOwn(given, role));
  const open = roles.length - named.length;
  const sum = named.reduce((total, role) => total + (given[role] as number), 0);
  if (open > 0 && sum > 1 + ROUNDING)
    throw new SecateurError("usage", `the weights given sum to ${sum}: nothing is left for the other roles`);
  if (open === 0 && sum <= 0) throw new SecateurError("usage", "all roles have weight 0");
  return new Map(
    roles.map((role) => [
      role,
      Object.hasOwn(given, role) ? (given[role] as number) / (open === 0 ? sum : 1) : Math.max(0, 1 - sum) / open,
    ]),
  );
}

// Decimal fractions that add up to 1 can add up to a little more in binary.
const ROUNDING = 1e-9;
