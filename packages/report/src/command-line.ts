import { GENERAL } from "@secateur/kit";
import type { CalibrationRecipe, Comparison, DataSource, MeasureInput, Recipe, Rule, SharedRecipe } from "@secateur/pipeline";
import { shellQuoted } from "./units.ts";

/** The command that prunes by a recipe and measures on this, to be given `--out`; nothing where flags cannot say the recipe. */
export function pruneLine(recipe: Recipe, measure?: MeasureInput): string | undefined {
  const { fusion, stats, propagate } = recipe;
  const own = stats === undefined ? flagOf("--propagate", propagate) : flagOf("--stats", stats);
  const options = optionFlags("--fusion-option", recipe.fusionOptions);
  const read = [...readings(recipe), ...measuredReadings(measure)];
  return lineOf("prune", recipe.model, [
    ...commonFlags(recipe, read),
    flagOf("--fusion", fusion),
    ...options,
    own,
    ...(measure ? measureFlags(measure) : []),
  ]);
}

/** The command that compares as it was done; nothing where flags cannot say it. */
export function compareLine({ input }: Pick<Comparison, "input">): string | undefined {
  const { recipe, mixtures, rules } = input;
  const shared = sharedOptions(rules);
  return lineOf("compare", recipe.model, [
    ...commonFlags(recipe, [...readings(recipe), ...measuredReadings(input)]),
    flagOf("--mixture", mixtures.join(",")),
    ...optionFlags("--fusion-option", shared),
    rulesFlag(rules, shared),
    ...measureFlags(input),
  ]);
}

/** The command that collects statistics by a recipe, to be given `--out`; nothing where flags cannot say the recipe. */
export function calibrateLine(recipe: CalibrationRecipe): string | undefined {
  const { gram, gradients, fisher, regional } = recipe;
  const collected = Object.entries({ gram, gradients, fisher, regional }).filter(([, wanted]) => wanted);
  const flags = [...dataFlags(recipe, readings(recipe)), collected.map(([name]) => `--${name}`), ...targetFlags(recipe)];
  return lineOf("calibrate", recipe.model, [...flags, ...engineFlags(recipe)]);
}

/** What is measured, and on what. */
export interface MeasuredInput extends Omit<DataSource, "source"> {
  readonly model: string;
  readonly data: string;
  readonly against?: string | undefined;
  readonly metric?: string | undefined;
  readonly seqLen?: number | undefined;
  readonly samples?: number | undefined;
  readonly maxTokens?: number | undefined;
  readonly backend: string;
  readonly backendOptions: Recipe["backendOptions"];
}

/** The command that measures a model; nothing where flags cannot say how. */
export function evalLine(input: MeasuredInput): string | undefined {
  const { model, data, against, metric, seqLen, samples, maxTokens, fields = {}, template } = input;
  return lineOf("eval", model, [
    flagOf("--data", data),
    flagOf("--against", against),
    flagOf("--metric", metric),
    flagOf("--seq-len", seqLen),
    flagOf("--samples", samples),
    flagOf("--max-tokens", maxTokens),
    ...Object.entries(fields).map(([key, column]) => flagOf("--field", `${key}=${column}`)),
    flagOf(templateFlag(template), template),
    ...engineFlags(input),
  ]);
}

type Options = Recipe["fusionOptions"];

/** The options that all rules have alike, and none has in its name. */
function sharedOptions(rules: readonly Rule[]): Options {
  const [first, ...others] = rules;
  const named = new Set(rules.flatMap(({ name }) => name.split(":")));
  const entries = Object.entries(first?.fusionOptions ?? {}).filter(([key, value]) => !named.has(`${key}=${value}`));
  return Object.fromEntries(entries.filter(([key, value]) => others.every(({ fusionOptions = {} }) => fusionOptions[key] === value)));
}

/** The rules as one flag names them, each with the options that not all have; a rule's name is what the flag says of it. */
function rulesFlag(rules: readonly Rule[], shared: Options): Flag {
  const texts = rules.map(({ name, fusion, fusionOptions = {}, tasksWeight }) => {
    const own = Object.entries({ ...fusionOptions, ...(tasksWeight !== undefined && { weight: tasksWeight }) });
    const parts = [fusion, ...own.filter(([key]) => !Object.hasOwn(shared, key)).map(([key, value]) => `${key}=${value}`)];
    // The parts may have been named in another order, which is the order of the name.
    return String(name.split(":").sort()) === String([...parts].sort()) ? name : parts.join(":");
  });
  const plain = rules.every(({ fusionOptions = {} }) =>
    Object.values(fusionOptions).every((value) => isPlain(value) && !/[,:]/.test(String(value))),
  );
  return plain && !rules.some(({ fusion }) => fusion.includes(",")) ? flagOf("--fusion", texts.join(",")) : [undefined];
}

function isPlain(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/** What a flag says; nothing is not said, and `undefined` within is what no flag can say. */
type Flag = readonly (string | undefined)[];

function lineOf(command: string, model: string, flags: readonly Flag[]): string | undefined {
  const words = flags.flat();
  // A model that looks like a flag is named as a path.
  const start = ["secateur", command, shellQuoted(model.startsWith("-") ? `./${model}` : model)];
  return words.every((word) => word !== undefined) ? [...start, ...words].join(" ") : undefined;
}

function commonFlags(recipe: SharedRecipe, read: readonly Reading[]): Flag[] {
  const { weights, sparsity, pattern, stats } = recipe;
  return [
    ...(stats === undefined ? dataFlags(recipe, read) : readingFlags(read)),
    flagOf("--sparsity", sparsity),
    flagOf("--pattern", pattern && `${pattern.keep}:${pattern.of}`),
    flagOf("--scorer", recipe.scorer),
    ...optionFlags("--scorer-option", recipe.scorerOptions),
    flagOf("--solver", recipe.solver),
    ...optionFlags("--solver-option", recipe.solverOptions),
    ...Object.entries(weights).map(([role, weight]) => flagOf("--weight", `${role}=${weight}`)),
    flagOf("--allocate", recipe.allocate),
    ...optionFlags("--allocate-option", recipe.allocateOptions),
    ...targetFlags(recipe),
    ...engineFlags(recipe),
  ];
}

/** Which data is read, and how: kept statistics are in its place. */
function dataFlags(recipe: Omit<CalibrationRecipe, "gram" | "gradients" | "fisher" | "regional">, read: readonly Reading[]): Flag[] {
  const { general, tasks, pack, promptWeight } = recipe;
  return [
    ...general.map(({ source }) => flagOf("--general", source)),
    ...tasks.map(({ name, source }) => flagOf("--task", `${name}=${source}`)),
    ...readingFlags(read),
    flagOf("--samples", recipe.samples),
    flagOf("--seq-len", recipe.seqLen),
    pack === undefined ? [] : [pack ? "--pack" : "--no-pack"],
    promptWeight === 1 ? [] : flagOf("--prompt-weight", promptWeight),
    recipe.shuffle ? ["--shuffle"] : [],
    flagOf("--seed", recipe.seed),
  ];
}

function targetFlags({ include, exclude }: Pick<Recipe, "include" | "exclude">): Flag[] {
  return [...include.map((glob) => flagOf("--include", glob)), ...exclude.map((glob) => flagOf("--exclude", glob))];
}

function engineFlags({ backend, backendOptions }: Pick<Recipe, "backend" | "backendOptions">): Flag[] {
  return [flagOf("--backend", backend), ...optionFlags("--backend-option", backendOptions)];
}

/** How a role's rows are read. */
type Reading = readonly [role: string, source: DataSource];

function readings({ general, tasks }: Pick<Recipe, "general" | "tasks">): Reading[] {
  return [...general.map((source): Reading => [GENERAL, source]), ...tasks.map((task): Reading => [task.name, task])];
}

function measuredReadings({ evaluate }: Pick<MeasureInput, "evaluate"> = { evaluate: [] }): Reading[] {
  return evaluate.map(({ name, ...source }): Reading => [name, source]);
}

/** What models are measured on, and how far. */
function measureFlags({ evaluate, evaluateSamples, evaluateSeqLen, evaluateMaxTokens }: MeasureInput): Flag[] {
  return [
    ...evaluate.map(({ name, source }) => flagOf("--eval", `${name}=${source}`)),
    flagOf("--eval-samples", evaluateSamples),
    flagOf("--eval-seq-len", evaluateSeqLen),
    flagOf("--max-tokens", evaluateMaxTokens),
  ];
}

/** Flags say how a role's rows are read, whatever file they are of: where its files differ in that, no flags do. */
function readingFlags(read: readonly Reading[]): Flag[] {
  const said = new Map<string, Flag[]>();
  for (const [role, { fields = {}, template }] of read) {
    const flags = [
      ...Object.entries(fields).map(([key, column]) => flagOf("--field", `${role}:${key}=${column}`)),
      flagOf(templateFlag(template), template === undefined ? undefined : `${role}=${template}`),
    ];
    const before = said.get(role);
    if (before && JSON.stringify(before) !== JSON.stringify(flags)) return [[undefined]];
    said.set(role, flags);
  }
  return [...said.values()].flat();
}

/** What has no place for a column is the name of a task template, or a file with one. */
function templateFlag(template: string | undefined): string {
  return template?.includes("{") ? "--template" : "--task-template";
}

function optionFlags(flag: string, options: Readonly<Record<string, unknown>>): Flag[] {
  return Object.entries(options).map(([key, value]) => {
    return isPlain(value) && !key.includes("=") ? flagOf(flag, `${key}=${value}`) : [undefined];
  });
}

function flagOf(flag: string, value: string | number | undefined): Flag {
  if (value === undefined) return [];
  const text = String(value);
  return text.startsWith("-") ? [shellQuoted(`${flag}=${text}`)] : [flag, shellQuoted(text)];
}
