import { GENERAL } from "@secateur/kit";
import type { Comparison, DataSource, Recipe } from "@secateur/pipeline";
import { shellQuoted } from "./units.ts";

/** The command that prunes by a recipe, to be given `--out`; nothing where flags cannot say the recipe. */
export function pruneLine(recipe: Recipe): string | undefined {
  const { fusion, stats, propagate } = recipe;
  const own = stats === undefined ? flagOf("--propagate", propagate) : flagOf("--stats", stats);
  return lineOf("prune", recipe.model, [...commonFlags(recipe, readings(recipe)), flagOf("--fusion", fusion), own]);
}

/** The command that compares as it was done; nothing where flags cannot say it. */
export function compareLine({ input }: Pick<Comparison, "input">): string | undefined {
  const { recipe, mixtures, fusions, evaluate, evaluateSamples, evaluateSeqLen } = input;
  const named = evaluate.map(({ name, ...source }) => [name, source] as const);
  if (fusions.some((fusion) => fusion.includes(","))) return undefined;
  return lineOf("compare", recipe.model, [
    ...commonFlags(recipe, [...readings(recipe), ...named]),
    flagOf("--mixture", mixtures.join(",")),
    flagOf("--fusion", fusions.join(",")),
    ...evaluate.map(({ name, source }) => flagOf("--eval", `${name}=${source}`)),
    flagOf("--eval-samples", evaluateSamples),
    flagOf("--eval-seq-len", evaluateSeqLen),
  ]);
}

/** What a flag says; nothing is not said, and `undefined` within is what no flag can say. */
type Flag = readonly (string | undefined)[];

function lineOf(command: string, model: string, flags: readonly Flag[]): string | undefined {
  const words = flags.flat();
  // A model that looks like a flag is named as a path.
  const start = ["secateur", command, shellQuoted(model.startsWith("-") ? `./${model}` : model)];
  return words.every((word) => word !== undefined) ? [...start, ...words].join(" ") : undefined;
}

function commonFlags(recipe: Omit<Recipe, "fusion">, read: readonly Reading[]): Flag[] {
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
    ...optionFlags("--fusion-option", recipe.fusionOptions),
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
      flagOf("--template", template === undefined ? undefined : `${role}=${template}`),
    ];
    const before = said.get(role);
    if (before && JSON.stringify(before) !== JSON.stringify(flags)) return [[undefined]];
    said.set(role, flags);
  }
  return [...said.values()].flat();
}

function optionFlags(flag: string, options: Readonly<Record<string, unknown>>): Flag[] {
  return Object.entries(options).map(([key, value]) => {
    const plain = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
    return plain && !key.includes("=") ? flagOf(flag, `${key}=${value}`) : [undefined];
  });
}

function flagOf(flag: string, value: string | number | undefined): Flag {
  if (value === undefined) return [];
  const text = String(value);
  return text.startsWith("-") ? [shellQuoted(`${flag}=${text}`)] : [flag, shellQuoted(text)];
}
