import type { PluginList } from "@secateur/engine";
import type { CalibrationInput, CompareInput, DataSource, MeasureInput, RecipeInput, Rule } from "@secateur/pipeline";
import type { Job } from "../api/types.ts";
import { COLLECTED, type Draft, EMPTY_DRAFT, NO_PLUGIN, NO_SOURCE, type PluginDraft, type SourceDraft } from "./draft.ts";
import { optionTexts } from "./options.ts";
import { KIND_OF } from "./request.ts";

/** An evaluation's recipe, as the server takes it. */
interface EvalInput extends Omit<DataSource, "source"> {
  readonly model: string;
  readonly data: string;
  readonly against?: string;
  readonly metric?: string;
  readonly seqLen?: number;
  readonly samples?: number;
  readonly maxTokens?: number;
  readonly backend?: string;
  readonly backendOptions?: Readonly<Record<string, unknown>>;
}

/** The form that asks for the same as a job. */
export function draftOf({ kind, recipe }: Pick<Job, "kind" | "recipe">, plugins: PluginList): Draft {
  switch (kind) {
    case "prune": {
      const { measure } = recipe as { readonly measure?: MeasureInput };
      return { ...EMPTY_DRAFT, kind, ...recipeDraft(recipe as RecipeInput, plugins), ...(measure && measureDraft(measure)) };
    }
    case "calibrate": {
      const input = recipe as CalibrationInput;
      const collect = Object.keys(COLLECTED).filter((name) => (input as unknown as Readonly<Record<string, unknown>>)[name] === true);
      return { ...EMPTY_DRAFT, kind, ...recipeDraft(input, plugins), collect };
    }
    case "compare": {
      const input = recipe as CompareInput & { readonly recipe: RecipeInput };
      return {
        ...EMPTY_DRAFT,
        kind,
        ...recipeDraft(input.recipe, plugins),
        mixtures: input.mixtures.join(", "),
        rules: input.rules.filter(isPlain).map(({ fusion }) => fusion),
        otherRules: input.rules
          .filter((rule) => !isPlain(rule))
          .map(ruleText)
          .join(", "),
        ...measureDraft(input),
      };
    }
    case "eval": {
      const input = recipe as EvalInput;
      return {
        ...EMPTY_DRAFT,
        kind,
        model: input.model,
        measured: sourceDraft({ ...input, source: input.data }),
        against: input.against ?? "",
        metric: input.metric ?? "",
        seqLen: textOf(input.seqLen),
        samples: textOf(input.samples),
        evaluateMaxTokens: textOf(input.maxTokens),
        backend: pluginDraft("backend", input, plugins, EMPTY_DRAFT.backend),
      };
    }
  }
}

function recipeDraft(recipe: RecipeInput, plugins: PluginList): Partial<Draft> {
  const { weights = {}, pattern, pack } = recipe;
  return {
    model: recipe.model,
    stats: recipe.stats ?? "",
    general: recipe.general?.length ? recipe.general.map(sourceDraft) : [NO_SOURCE],
    generalWeight: textOf(weights.general),
    tasks: (recipe.tasks ?? []).map((task) => ({ ...sourceDraft(task), name: task.name, weight: textOf(weights[task.name]) })),
    amount: pattern ? "pattern" : "sparsity",
    sparsity: textOf(recipe.sparsity) || EMPTY_DRAFT.sparsity,
    pattern: pattern ? `${pattern.keep}:${pattern.of}` : EMPTY_DRAFT.pattern,
    scorer: pluginDraft("scorer", recipe, plugins, EMPTY_DRAFT.scorer),
    solver: pluginDraft("solver", recipe, plugins),
    fusion: pluginDraft("fusion", recipe, plugins),
    allocate: pluginDraft("allocate", recipe, plugins),
    backend: pluginDraft("backend", recipe, plugins, EMPTY_DRAFT.backend),
    samples: textOf(recipe.samples),
    seqLen: textOf(recipe.seqLen),
    pack: pack === undefined ? "" : pack ? "true" : "false",
    promptWeight: textOf(recipe.promptWeight),
    shuffle: recipe.shuffle ?? false,
    seed: textOf(recipe.seed),
    propagate: recipe.propagate ?? "",
    include: (recipe.include ?? []).join("\n"),
    exclude: (recipe.exclude ?? []).join("\n"),
  };
}

function measureDraft({ evaluate, evaluateSamples, evaluateSeqLen, evaluateMaxTokens }: MeasureInput): Partial<Draft> {
  return {
    evaluate: evaluate.map((one) => ({ name: one.name, ...sourceDraft(one) })),
    evaluateSamples: textOf(evaluateSamples),
    evaluateSeqLen: textOf(evaluateSeqLen),
    evaluateMaxTokens: textOf(evaluateMaxTokens),
  };
}

/** Whether a rule is a fusion as it is, without settings. */
function isPlain({ name, fusion, fusionOptions = {}, tasksWeight }: Rule): boolean {
  return name === fusion && tasksWeight === undefined && Object.keys(fusionOptions).length === 0;
}

function ruleText({ fusion, fusionOptions = {}, tasksWeight }: Rule): string {
  const settings = Object.entries({ ...(tasksWeight !== undefined && { weight: tasksWeight }), ...fusionOptions });
  return [fusion, ...settings.map(([key, value]) => `${key}=${value}`)].join(":");
}

function sourceDraft({ source, fields = {}, template = "" }: DataSource): SourceDraft {
  const pairs = Object.entries(fields).map(([key, column]) => `${key}=${column}`);
  return { data: source, fields: pairs.join(", "), template };
}

function pluginDraft(key: keyof typeof KIND_OF, recipe: object, plugins: PluginList, fallback: PluginDraft = NO_PLUGIN): PluginDraft {
  const given = recipe as Readonly<Record<string, unknown>>;
  const name = given[key];
  if (typeof name !== "string") return fallback;
  const plugin = plugins[KIND_OF[key]]?.find((one) => one.name === name) ?? { options: [] };
  return { name, options: optionTexts(plugin, (given[`${key}Options`] ?? {}) as Readonly<Record<string, unknown>>) };
}

function textOf(value: number | undefined): string {
  return value === undefined ? "" : String(value);
}
