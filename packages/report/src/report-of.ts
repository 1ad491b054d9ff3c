import { SecateurError } from "@secateur/kit";
import { type Comparison, fusionOf, type Manifest, type PlannedRecipe, parseRecipe, type Recipe } from "@secateur/pipeline";
import { z } from "zod";
import { compareReport } from "./compare-report.ts";
import { pruneReport } from "./prune-report.ts";

/**
 * The page on what a file holds: on a prune for the parsed JSON of a `secateur.json`, on a comparison for that of what `compare` writes. Throws SecateurError
 * `format` for anything else, which says what of it is wrong; keys that are not shown may be there or not.
 */
export function reportOf(json: unknown, file: string): string {
  const isObject = typeof json === "object" && json !== null;
  if (isObject && "tensors" in json) {
    const found = checked(manifest, json, file) as unknown as Manifest; // of this form, as far as it is shown
    return pruneReport({ ...found, recipe: plannedRecipe(found.recipe, file) });
  }
  if (isObject && "rows" in json) {
    const found = checked(comparison, json, file) as unknown as Comparison; // of this form, as far as it is shown
    const { fusion: _fusion, fusionOptions: _options, ...recipe } = recipeOf(found.input.recipe, file);
    return compareReport({ ...found, input: { ...found.input, recipe } });
  }
  throw refusal(file, "it has neither the tensors of a prune nor the rows of a comparison");
}

/** The JSON itself, once it has the form of a schema: what a schema does not know of it stays. */
function checked<Json>(schema: z.ZodType, json: Json, file: string): Json {
  const result = schema.safeParse(json);
  const [first] = result.error?.issues ?? [];
  if (first) throw refusal(file, `${first.path.map(String).join(".") || "the whole"}: ${first.message}`);
  return json;
}

/** A manifest's recipe, in which nothing is left open. */
function plannedRecipe(given: unknown, file: string): PlannedRecipe {
  const recipe = recipeOf(given, file);
  return { ...recipe, fusion: fusionOf(recipe, {}), propagate: recipe.propagate ?? "block" };
}

function recipeOf(recipe: unknown, file: string): Recipe {
  try {
    return parseRecipe(recipe);
  } catch (error) {
    throw error instanceof SecateurError ? refusal(file, error.message) : error;
  }
}

function refusal(file: string, why: string): SecateurError {
  return new SecateurError("format", `${file} is nothing to make a report of: ${why}`, { where: { file } });
}

const text = z.string();
const count = z.int().min(0);
const amount = z.number();
const texts = z.array(text);
const estimate = z.looseObject({ value: amount, standardError: amount });
const byName = <Value extends z.ZodType>(value: Value) => z.record(text, value);

const backend = z.looseObject({ engine: text, version: text, provider: text.optional(), device: text, precision: text });
const model = z.looseObject({ source: text, modelType: text, hash: text });

const layer = z.looseObject({
  tensor: text,
  shape: z.tuple([count, count]),
  zerosBefore: count,
  zeros: count,
  ties: count,
  channels: z.looseObject({ shared: count, exclusive: byName(count) }).optional(),
  roles: z
    .looseObject({
      rows: count,
      overlap: z.array(z.looseObject({ roles: z.tuple([text, text]), both: count, either: count })),
      histograms: byName(z.looseObject({ first: z.int().min(-300).max(300), counts: z.array(count).max(600), rest: count })),
    })
    .optional(),
  notes: byName(amount).optional(),
});

const figures = {
  standardError: amount,
  protocol: text,
};

const metric = <More extends z.core.$ZodLooseShape>(more: More) =>
  z.discriminatedUnion("metric", [
    z.looseObject({ metric: z.literal("perplexity"), perplexity: amount, ...figures, ...more }),
    z.looseObject({ metric: z.literal("answers"), perplexity: amount, exactMatch: estimate.optional(), ...figures, ...more }),
    z.looseObject({ metric: z.literal("choices"), acc: estimate, accNorm: estimate, ...figures, ...more }),
  ]);

const measure = {
  evaluate: z.array(z.looseObject({ name: text, source: text, fields: byName(text).optional(), template: text.optional() })),
  evaluateSamples: count,
  evaluateSeqLen: count.optional(),
  evaluateMaxTokens: count.optional(),
};

const manifest = z.looseObject({
  secateur: text,
  recipe: z.looseObject({}),
  model,
  data: z.array(
    z.looseObject({
      role: text,
      weight: amount,
      sources: texts,
      sequences: count,
      tokens: count,
      hash: text,
      rows: count,
      empty: count,
      duplicates: count,
      truncated: count,
    }),
  ),
  backend,
  statistics: z.looseObject({ backend }).optional(),
  sparsity: z.looseObject({ zeros: count, of: count, ratio: amount }),
  bytes: z.looseObject({ dense: amount, packed: amount }),
  measure: z.looseObject(measure).optional(),
  quality: z
    .array(z.looseObject({ name: text, sources: texts, documents: count, hash: text, before: metric({}), after: metric({}) }))
    .optional(),
  roleScores: z.union([z.looseObject({ rows: count }), z.looseObject({ absent: text })]),
  tensors: z.array(layer),
  warnings: texts,
});

const evaluation = metric({ losses: z.array(z.looseObject({ loss: amount, tokens: count })) });

const row = z.looseObject({
  name: text,
  kind: z.enum(["dense", "role", "mixture", "rule"]),
  fusion: text.optional(),
  weights: byName(amount).optional(),
  tokens: count.optional(),
  sparsity: amount,
  metrics: byName(evaluation),
  layers: z.array(layer),
  frontier: byName(
    z.looseObject({ value: amount, standardError: amount, along: z.enum(["task", "general"]), beyond: z.boolean() }),
  ).optional(),
});

const comparison = z.looseObject({
  secateur: text,
  input: z.looseObject({
    recipe: z.looseObject({}),
    mixtures: z.array(amount),
    rules: z.array(
      z.looseObject({ name: text, fusion: text, fusionOptions: byName(z.unknown()).optional(), tasksWeight: amount.optional() }),
    ),
    ...measure,
  }),
  model,
  plan: z.looseObject({
    model: text,
    modelType: text,
    blocks: count,
    parameters: count,
    layers: count,
    prunable: count,
    roles: z.array(z.looseObject({ role: text, sources: texts, sequences: count, tokens: count, hash: text })),
    evaluation: z.array(z.looseObject({ name: text, sources: texts, documents: count, heldOut: z.boolean(), hash: text })),
    warnings: texts,
  }),
  backend,
  rows: z.array(row),
});
