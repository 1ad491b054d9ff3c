import { SecateurError } from "@secateur/kit";
import { z } from "zod";

/** One data source of a recipe. */
export interface DataSource {
  /** A data file, as the loaders read them. */
  readonly source: string;
  /** Standard key → the column that holds it. */
  readonly fields?: Readonly<Record<string, string>> | undefined;
  /** A text with {column} places; `|||` parts the prompt from the answer. */
  readonly template?: string | undefined;
}

/** One of a task's data sources. */
export interface TaskSource extends DataSource {
  readonly name: string;
}

/** Everything that decides what a pruned model is, with defaults filled in: the command's flags and the manifest of a run both say this. */
export interface Recipe {
  readonly model: string;
  readonly general: readonly DataSource[];
  readonly tasks: readonly TaskSource[];
  /** Role → its weight; roles without one share what is left equally. */
  readonly weights: Readonly<Record<string, number>>;
  readonly scorer: string;
  readonly scorerOptions: Readonly<Record<string, unknown>>;
  readonly fusion: string;
  readonly fusionOptions: Readonly<Record<string, unknown>>;
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
  readonly propagate: "block" | "none";
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** A recipe as a user writes it: what has a default may be left out. */
export type RecipeInput = { readonly [Key in keyof Recipe]?: Recipe[Key] | undefined } & Pick<Recipe, "model">;

const options = z.record(z.string(), z.unknown()).default({});

const dataSource = z.strictObject({
  source: z.string().min(1).describe("a data file, as the loaders read them"),
  fields: z.record(z.string(), z.string()).optional().describe("standard key → the column that holds it"),
  template: z.string().optional().describe("a text with {column} places; ||| parts the prompt from the answer"),
});

/** The schema of recipes: checks a `RecipeInput` and fills in what does not depend on other keys. */
export const recipeSchema: z.ZodType<Omit<Recipe, "fusion"> & { readonly fusion?: string | undefined }, RecipeInput> = z.strictObject({
  model: z.string().min(1).describe("a model's folder"),
  general: z.array(dataSource).default([]).describe("text that stands for everything the model should still do"),
  tasks: z
    .array(dataSource.extend({ name: z.string().regex(/^[A-Za-z_][\w-]*$/) }))
    .default([])
    .describe("each task's data, by name"),
  weights: z
    .record(z.string(), z.number().min(0).max(1))
    .default({})
    .describe("role → its weight; roles without one share what is left equally"),
  scorer: z.string().default("wanda"),
  scorerOptions: options,
  fusion: z.string().optional().describe("how the roles' scores become one; default: shared-exclusive with tasks, else general"),
  fusionOptions: options,
  backend: z.string().default("onnxruntime"),
  backendOptions: options,
  sparsity: z.number().gt(0).lt(1).optional().describe("the share of each group that is pruned"),
  pattern: z
    .strictObject({ keep: z.int().min(1), of: z.int().min(2) })
    .optional()
    .describe("of every `of` consecutive inputs of an output `keep` stay"),
  samples: z.int().min(1).default(128).describe("sequences a role"),
  seqLen: z.int().min(2).optional().describe("tokens a sequence; default: 2048, or the model's positions if fewer"),
  pack: z.boolean().optional().describe("join documents into full sequences; default: text is packed, task rows are not"),
  promptWeight: z.number().min(0).max(1).default(1).describe("what a prompt's tokens count in statistics, against 1 for an answer's"),
  shuffle: z.boolean().default(false).describe("draw rows at random, by the seed, instead of in the file's order"),
  seed: z.int().default(0),
  propagate: z.enum(["block", "none"]).default("block").describe("what later blocks' statistics see: pruned earlier blocks, or dense ones"),
  include: z.array(z.string()).default([]).describe("globs of tensor names to prune; default: the blocks' linear layers"),
  exclude: z.array(z.string()).default([]).describe("globs of tensor names to leave alone"),
});

/** Checks a recipe. Throws SecateurError `usage` that names each key, what was found and what is wanted. */
export function parseRecipe(input: unknown): Recipe {
  const result = recipeSchema.safeParse(input);
  if (!result.success) {
    const issues = result.error.issues.map(({ path, message }) => `${path.join(".") || "recipe"}: ${message}`);
    throw new SecateurError("usage", `the recipe is not valid: ${issues.join("; ")}`);
  }
  const recipe = result.data;
  if ((recipe.sparsity === undefined) === (recipe.pattern === undefined)) {
    throw new SecateurError(
      "usage",
      recipe.pattern
        ? "sparsity and pattern exclude each other: give one"
        : "how much to prune is not said: give a sparsity such as 0.5, or a pattern such as 2:4",
    );
  }
  if (recipe.pattern && recipe.pattern.keep >= recipe.pattern.of) {
    const { keep, of } = recipe.pattern;
    throw new SecateurError(
      "usage",
      `the pattern ${keep}:${of} prunes nothing: KEEP:OF keeps KEEP of every OF weights, so KEEP is less than OF`,
    );
  }
  const names = recipe.tasks.map(({ name }) => name);
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined) throw new SecateurError("usage", `two tasks are called ${repeated}`);
  if (names.includes("general")) throw new SecateurError("usage", 'a task cannot be called "general": that is the role of general text');
  return { ...recipe, fusion: recipe.fusion ?? (recipe.tasks.length > 0 ? "shared-exclusive" : "general") };
}

/** The roles' weights, summing to 1, in the order of `roles`. Throws SecateurError `usage` for an unknown role or weights that cannot sum to 1. */
export function roleWeights(roles: readonly string[], given: Readonly<Record<string, number>>): Map<string, number> {
  const unknown = Object.keys(given).find((name) => !roles.includes(name));
  if (unknown !== undefined)
    throw new SecateurError("usage", `a weight is given for ${unknown}, which is no role here; roles are ${roles.join(", ")}`);
  const named = roles.filter((role) => Object.hasOwn(given, role));
  const open = roles.length - named.length;
  const sum = named.reduce((total, role) => total + (given[role] as number), 0);
  if (open > 0 && sum > 1) throw new SecateurError("usage", `the weights given sum to ${sum}: nothing is left for the other roles`);
  if (open === 0 && sum <= 0) throw new SecateurError("usage", "all roles have weight 0");
  return new Map(
    roles.map((role) => [role, Object.hasOwn(given, role) ? (given[role] as number) / (open === 0 ? sum : 1) : (1 - sum) / open]),
  );
}
