import { GENERAL, SecateurError } from "@secateur/kit";
import { parseRecipe, type Recipe, type RecipeInput } from "./recipe.ts";

/** One way to prune that a comparison tries. */
export interface Variant {
  /** What tables call it: `general`, `math only`, `mixture 0.25`, or the name of a rule. */
  readonly name: string;
  /** One role's data alone; all roles' in a mixture; or a rule that fuses their scores. */
  readonly kind: "role" | "mixture" | "rule";
  readonly recipe: Recipe;
}

/** What a comparison tries, beside general text alone and each task alone. */
export interface VariantsInput {
  /** The data, the method and the amount that all have in common; it names neither statistics nor a fusion. */
  readonly recipe: RecipeInput;
  /** The tasks' weight in each mixture, above 0 and below 1. */
  readonly mixtures: readonly number[];
  /** The rules that are held against them. */
  readonly rules: readonly Rule[];
}

/** A rule with its settings. */
export interface Rule {
  /** What tables call it; of one comparison each has a name of its own. */
  readonly name: string;
  readonly fusion: string;
  readonly fusionOptions?: Recipe["fusionOptions"] | undefined;
  /** The tasks' weight in place of the recipe's weights, above 0 and below 1. */
  readonly tasksWeight?: number | undefined;
}

/** The variants of a comparison: general text alone, each task alone, the mixtures, and the rules. Throws SecateurError `usage` when one of them makes no recipe. */
export function variantsOf({ recipe, mixtures, rules }: VariantsInput): Variant[] {
  const { general, tasks, ...whole } = parseRecipe({ ...recipe, fusion: "mixture", fusionOptions: {} });
  if (general.length === 0)
    throw new SecateurError("usage", "a comparison wants general text: name a file with --general, such as --general c4.jsonl");
  if (tasks.length === 0)
    throw new SecateurError("usage", "a comparison wants a task's data: name a file with --task, such as --task math=gsm8k.jsonl");
  const wrong = [...mixtures, ...rules.flatMap(({ tasksWeight }) => tasksWeight ?? [])].find((weight) => !(weight > 0 && weight < 1));
  if (wrong !== undefined)
    throw new SecateurError(
      "usage",
      `the tasks' weight in a mixture or rule is ${wrong}: wanted a number above 0 and below 1, such as 0.5`,
    );
  if (recipe.fusion !== undefined || recipe.fusionOptions !== undefined || recipe.stats !== undefined)
    throw new SecateurError(
      "usage",
      "a comparison chooses fusion and statistics itself: leave fusion, fusionOptions and stats out of its recipe",
    );
  const names = tasks.map(({ name }) => name);
  const base = { ...whole, general, tasks, propagate: undefined };
  const of = (fusion: string, weights: Recipe["weights"], fusionOptions: Recipe["fusionOptions"] = {}): Recipe =>
    parseRecipe({ ...base, fusion, weights, fusionOptions });
  const variants: Variant[] = [
    { name: GENERAL, kind: "role", recipe: of("general", {}) },
    ...names.map(
      (task): Variant => ({
        name: `${task} only`,
        kind: "role",
        recipe: of("task", Object.fromEntries([GENERAL, ...names].map((role) => [role, role === task ? 1 : 0]))),
      }),
    ),
    ...mixtures.map(
      (weight): Variant => ({
        name: `mixture ${weight}`,
        kind: "mixture",
        recipe: of("mixture", mixtureWeights(names, whole.weights, weight)),
      }),
    ),
    ...rules.map(({ name, fusion, fusionOptions, tasksWeight }): Variant => {
      const weights = tasksWeight === undefined ? whole.weights : mixtureWeights(names, whole.weights, tasksWeight);
      return { name, kind: "rule", recipe: of(fusion, weights, fusionOptions) };
    }),
  ];
  const repeated = variants.find(({ name }, i) => variants.findIndex((other) => other.name === name) !== i);
  if (repeated) throw new SecateurError("usage", `two of what is compared are called ${repeated.name}: name each once`);
  return variants;
}

/** Weights of which the tasks have `weight` together, parted as the weights that were given part it, else equally. */
function mixtureWeights(tasks: readonly string[], given: Recipe["weights"], weight: number): Record<string, number> {
  const parts = tasks.map((task) => given[task]);
  const all = parts.every((part) => part !== undefined);
  const sum = all ? parts.reduce((total, part) => total + part, 0) : 0;
  const share = (task: string): number => (sum > 0 ? (given[task] as number) / sum : 1 / tasks.length);
  return { [GENERAL]: 1 - weight, ...Object.fromEntries(tasks.map((task) => [task, weight * share(task)])) };
}
