import { GENERAL } from "@secateur/kit";
import type { Comparison, DataSource, Recipe, Rule, SharedRecipe } from "@secateur/pipeline";
import { shellQuoted } from "./units.ts";

/** The command that prunes by a recipe, to be given `--out`; nothing where flags cannot say the recipe. */
export function pruneLine(recipe: Recipe): string | undefined {
  const { fusion, stats, propagate } = recipe;
  const own = stats === undefined ? flagOf("--propagate", propagate) : flagOf("--stats", stats);
  const options = optionFlags("--fusion-option", recipe.fusionOptions);
  return lineOf("prune", recipe.model, [...commonFlags(recipe, readings(recipe)), flagOf("--fusion", fusion), ...options, own]);
}

/** The command that compares as it was done; nothing where flags cannot say it. */
export function compareLine({ input }: Pick<Comparison, "input">): string | undefined {
  const { recipe, mixtures, rules, evaluate, evaluateSamples, evaluateSeqLen, evaluateMaxTokens } = input;
  const named = evaluate.map(({ name, ...source }) => [name, source] as const);
  const shared = sharedOptions(rules);
  return lineOf("compare", recipe.model, [
    ...commonFlags(recipe, [...readings(recipe), ...named]),
    flagOf("--mixture", mixtures.join(",")),
    ...optionFlags("--fusion-option", shared),
    rulesFlag(rules, shared),
    ...evaluate.map(({ name, source }) => flagOf("--eval", `${name}=${source}`)),
    flagOf("--eval-samples", evaluateSamples),
    flagOf("--eval-seq-len", evaluateSeqLen),
    flagOf("--max-tokens", evaluateMaxTokens),
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
  const { general, tasks, weights, sparsity, pattern, pack, stats, promptWeight, seqLen } = recipe;
  return [
    ...general.map(({ source }) => flagOf("--general", source)),
    ...tasks.map(({ name, source }) => flagOf("--task", `${name}=${source}`)),
    ...readingFlags(read),
    ...(stats === undefined
      ? [
          flagOf("--samples", recipe.samples),
          flagOf("--seq-len", seqLen),
          pack === undefined ? [] : [pack ? "--pack" : "--no-pack"],
          promptWeight === 1 ? [] : flagOf("--prompt-weight", promptWeight),
          recipe.shuffle ? ["--shuffle"] : [],
          flagOf("--seed", recipe.seed),
        ]
      : []),
    flagOf("--sparsity", sparsity),
    flagOf("--pattern", pattern && `${pattern.keep}:${pattern.of}`),
    flagOf("--scorer", recipe.scorer),
    ...optionFlags("--scorer-option", recipe.scorerOptions),
    flagOf("--solver", recipe.solver),
    ...optionFlags("--solver-option", recipe.solverOptions),
    ...Object.entries(weights).map(([role, weight]) => flagOf("--weight", `${role}=${weight}`)),
    flagOf("--allocate", recipe.allocate),
    ...optionFlags("--allocate-option", recipe.allocateOptions),
    ...recipe.include.map((glob) => flagOf("--include", glob)),
    ...recipe.exclude.map((glob) => flagOf("--exclude", glob)),
    flagOf("--backend", recipe.backend),
    ...optionFlags("--backend-option", recipe.backendOptions),
  ];
}

/** How a role's rows are read. */
type Reading = readonly [role: string, source: DataSource];

function readings({ general, tasks }: Pick<Recipe, "general" | "tasks">): Reading[] {
  return [...general.map((source): Reading => [GENERAL, source]), ...tasks.map((task): Reading => [task.name, task])];
}

/** Flags say how a role's rows are read, whatever file they are of: where its files differ in that, no flags do. */
function readingFlags(read: readonly Reading[]): Flag[] {
  const said = new Map<string, Flag[]>();
  for (const [role, { fields = {}, template }] of read) {
    const flags = [
      ...Object.entries(fields).map(([key, column]) => flagOf("--field", `${role}:${key}=${column}`)),
      // What has no place for a column is the name of a task template, or a file with one.
      flagOf(template?.includes("{") ? "--template" : "--task-template", template === undefined ? undefined : `${role}=${template}`),
    ];
    const before = said.get(role);
    if (before && JSON.stringify(before) !== JSON.stringify(flags)) return [[undefined]];
    said.set(role, flags);
  }
  return [...said.values()].flat();
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
