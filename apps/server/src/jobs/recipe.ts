import type { CalibrateRequest, CompareRequest, EvalRequest, PluginList, PruneRequest } from "@secateur/engine";
import {
  type CalibrationInput,
  type CompareInput,
  type MeasureInput,
  parseCalibration,
  parseRecipe,
  type RecipeInput,
} from "@secateur/pipeline";
import { z } from "zod";
import { HttpError } from "../http-error.ts";

/** An evaluation as a client asks for it. */
type EvalInput = Pick<EvalRequest, "model" | "data"> & Partial<Omit<EvalRequest, "model" | "data">>;

/** What a client asks for: the command's recipe, in which models, data and statistics are named by their ids. */
export type JobInput =
  | { readonly kind: "prune"; readonly recipe: RecipeInput & { readonly measure?: MeasureInput } }
  | { readonly kind: "calibrate"; readonly recipe: CalibrationInput }
  | { readonly kind: "compare"; readonly recipe: CompareInput }
  | { readonly kind: "eval"; readonly recipe: EvalInput };

const options = z.record(z.string(), z.unknown());
const reading = { fields: z.record(z.string(), z.string()).optional(), template: z.string().optional() };
const share = z.number().gt(0).lt(1);
const count = (least: number) => z.int().min(least);

// What `parseRecipe` and `parseCalibration` check is left to them: their messages are those of the command.
const given = z.looseObject({ model: z.string().min(1) });

const measure = {
  evaluate: z.array(z.strictObject({ name: z.string().min(1), source: z.string().min(1), ...reading })).default([]),
  evaluateSamples: count(2).default(128),
  evaluateSeqLen: count(2).optional(),
  evaluateMaxTokens: count(0).optional(),
};

const compareSchema = z.strictObject({
  recipe: given,
  mixtures: z.array(share).max(20).default([0.25, 0.5, 0.75]),
  rules: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        fusion: z.string().min(1),
        fusionOptions: options.optional(),
        tasksWeight: share.optional(),
      }),
    )
    .max(20)
    .default([
      { name: "shared-exclusive", fusion: "shared-exclusive" },
      { name: "max", fusion: "max" },
    ]),
  ...measure,
});

const evalSchema = z.strictObject({
  model: z.string().min(1),
  data: z.string().min(1),
  ...reading,
  metric: z.enum(["perplexity", "answers", "choices"]).optional(),
  seqLen: count(2).optional(),
  samples: count(1).optional(),
  maxTokens: count(0).optional(),
  against: z.string().min(1).optional(),
  backend: z.string().min(1).default("onnxruntime"),
  backendOptions: options.default({}),
});

/** The schema of what a client asks for. */
export const jobSchema: z.ZodType<unknown> = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("prune"), recipe: given.extend({ measure: z.strictObject(measure).optional() }) }),
  z.strictObject({ kind: z.literal("calibrate"), recipe: given }),
  z.strictObject({ kind: z.literal("compare"), recipe: compareSchema }),
  z.strictObject({ kind: z.literal("eval"), recipe: evalSchema }),
]);

/** Checks what a client asks for, as far as that goes without reading anything. Throws HttpError 400, or SecateurError `usage`. */
export function checkJob(job: JobInput, plugins: PluginList): void {
  checkValue(job, 0);
  if (job.kind === "prune") parseRecipe(pruned(job.recipe).recipe);
  else if (job.kind === "calibrate") parseCalibration(job.recipe);
  else if (job.kind === "compare") checkCompared(job.recipe.recipe);
  checkNames(job, plugins);
}

const DEPTH = 32;

/** Refuses what goes deeper than any recipe does, and texts that the database does not take. */
function checkValue(value: unknown, depth: number): void {
  if (typeof value === "string" && (value.includes("\0") || /\p{Surrogate}/u.test(value)))
    refuse("text", `${quoted(value)} has a zero character or a half of a surrogate pair, and text was wanted`);
  if (typeof value !== "object" || value === null) return;
  if (depth > DEPTH) refuse("depth", `the recipe is nested deeper than ${DEPTH} levels`);
  for (const [key, inner] of Object.entries(value)) {
    checkValue(key, depth);
    checkValue(inner, depth + 1);
  }
}

function checkCompared(recipe: RecipeInput): void {
  const odd = ["fusion", "fusionOptions", "stats"].find((key) => key in recipe);
  if (odd !== undefined) refuse("recipe", `${odd}: a comparison chooses that itself, and it is left out of its recipe`);
  parseRecipe(recipe);
}

// Options by which a plugin would read or load what lies on the server.
const PLACES = /folder|path|file|dir|^providerOptions$/i;

function checkNames(job: JobInput, plugins: PluginList): void {
  const recipes = job.kind === "compare" ? [job.recipe.recipe, ...job.recipe.rules] : [job.recipe];
  for (const recipe of recipes) {
    for (const [key, kind] of Object.entries(KIND_OF)) {
      const name = (recipe as Readonly<Record<string, unknown>>)[key];
      if (name === undefined) continue;
      const known = (plugins[kind] ?? []).filter(({ problem }) => problem === undefined).map((plugin) => plugin.name);
      if (!known.includes(name as string))
        refuse("plugin", `${key}: no ${kind} of this server is called ${quoted(name)}; it has ${known.join(", ")}`);
    }
    for (const [key, value] of Object.entries(recipe)) if (/options$/i.test(key)) checkOptions(key, value);
  }
  for (const { place, template } of readingsOf(job)) checkTemplate(template, plugins, place);
}

const KIND_OF: Readonly<Record<string, string>> = {
  scorer: "scorer",
  solver: "scorer",
  fusion: "fuser",
  allocate: "allocator",
  backend: "backend",
};

function checkOptions(where: string, value: unknown): void {
  if (typeof value === "string" && /[/\\]|^\.|^~/.test(value))
    refuse("option", `${where}: ${quoted(value)} looks like a path, and none may be given`);
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (PLACES.test(key)) refuse("option", `${where}.${key} says where things are on the server, and cannot be given`);
    checkOptions(`${where}.${key}`, inner);
  }
}

/** Refuses a template that would be read from a file; `place` is where it stands. Throws HttpError 400. */
export function checkTemplate(template: string | undefined, plugins: PluginList, place: string = "template"): void {
  if (template === undefined || template.includes("{")) return;
  const known = (plugins.template ?? []).map(({ name }) => name);
  if (!known.includes(template))
    refuse("template", `${place}: ${quoted(template)} is neither a text with {column} places nor one of ${known.join(", ")}`);
}

/** All templates of a job, with their places in its recipe. */
function readingsOf(job: JobInput): readonly { readonly place: string; readonly template: string | undefined }[] {
  if (job.kind === "eval") return [{ place: "template", template: job.recipe.template }];
  const { general = [], tasks = [] } = job.kind === "compare" ? job.recipe.recipe : job.recipe;
  const measured = job.kind === "compare" ? job.recipe.evaluate : job.kind === "prune" ? (job.recipe.measure?.evaluate ?? []) : [];
  const lists = { general, tasks, [job.kind === "prune" ? "measure.evaluate" : "evaluate"]: measured };
  return Object.entries(lists).flatMap(([list, sources]) =>
    sources.map(({ template }, i) => ({ place: `${list}.${i}.template`, template })),
  );
}

function refuse(code: string, message: string): never {
  throw new HttpError(400, code, message);
}

function quoted(value: unknown): string {
  return JSON.stringify(value).slice(0, 80);
}

/** Where something is, and what clients call it. */
export interface Place {
  readonly path: string;
  readonly name: string;
}

/** What ids stand for; each throws HttpError 404. */
export interface Places {
  model(id: string): Place;
  data(id: string): Place;
  statistics(id: string): Place;
}

/** A job as the engine is asked for it. */
export type EngineRequest =
  | { readonly job: "prune"; readonly request: PruneRequest }
  | { readonly job: "calibrate"; readonly request: CalibrateRequest }
  | { readonly job: "compare"; readonly request: CompareRequest }
  | { readonly job: "eval"; readonly request: EvalRequest };

/** What the engine is asked for: ids become paths. What is there from an earlier attempt is gone on with, or replaced. */
export function requestOf(job: JobInput, out: string, places: Places, version: string): EngineRequest {
  const common = { out, force: true, restart: false, dryRun: false, version };
  switch (job.kind) {
    case "prune": {
      const { recipe, measure } = pruned(job.recipe);
      const measured = measure && { measure: { ...measure, evaluate: evaluated(measure.evaluate, places) } };
      return { job: "prune", request: { recipe: placed(recipe, places), ...measured, ...common } };
    }
    case "calibrate":
      return { job: "calibrate", request: { recipe: placed(job.recipe, places), ...common } };
    case "compare": {
      const { recipe, evaluate, ...input } = job.recipe;
      const sources = evaluated(evaluate, places);
      return { job: "compare", request: { input: { ...input, recipe: placed(recipe, places), evaluate: sources }, ...common } };
    }
    case "eval": {
      const { model, data, against, fields = {}, template, metric, backend = "onnxruntime", backendOptions = {}, ...rest } = job.recipe;
      const { seqLen, samples, maxTokens } = rest;
      const other = against === undefined ? undefined : places.model(against).path;
      const request = { fields, template, metric, seqLen, samples, maxTokens, against: other, backend, backendOptions };
      return { job: "eval", request: { model: places.model(model).path, data: places.data(data).path, ...request } };
    }
  }
}

/** The command's recipe, and what the model is measured on before and after. */
function pruned({ measure, ...recipe }: Extract<JobInput, { kind: "prune" }>["recipe"]): {
  readonly recipe: RecipeInput;
  readonly measure: MeasureInput | undefined;
} {
  return { recipe, measure };
}

function evaluated(sources: MeasureInput["evaluate"], places: Places): MeasureInput["evaluate"] {
  return sources.map((one) => ({ ...one, source: places.data(one.source).path }));
}

function placed<Recipe extends CalibrationInput & Pick<RecipeInput, "stats">>(recipe: Recipe, places: Places): Recipe {
  const { model, general, tasks, stats } = recipe;
  return {
    ...recipe,
    model: places.model(model).path,
    ...(general && { general: general.map((one) => ({ ...one, source: places.data(one.source).path })) }),
    ...(tasks && { tasks: tasks.map((one) => ({ ...one, source: places.data(one.source).path })) }),
    ...(stats !== undefined && { stats: places.statistics(stats).path }),
  };
}
