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
  /** The rules that are held against them; the recipe's options of the fusion are theirs. */
  readonly fusions: readonly string[];
}

/** The variants of a comparison: general text alone, each task alone, the mixtures, and the rules. Throws SecateurError `usage` when one of them makes no recipe. */
export function variantsOf({ recipe, mixtures, fusions }: VariantsInput): Variant[] {
  const { general, tasks, ...whole } = parseRecipe({ ...recipe, fusion: "mixture", fusionOptions: {} });
  if (general.length === 0)
    throw new SecateurError("usage", "a comparison wants general text: name a file with --general, such as --general c4.jsonl");
  if (tasks.length === 0)
    throw new SecateurError("usage", "a comparison wants a task's data: name a file with --task, such as --task math=gsm8k.jsonl");
  const wrong = mixtures.find((weight) => !(weight > 0 && weight < 1));
  if (wrong !== undefined)
    throw new SecateurError("usage", `a mixture's weight of the tasks is ${wrong}: wanted a number above 0 and below 1, such as 0.5`);
  if (recipe.fusion !== undefined || recipe.stats !== undefined)
    throw new SecateurError("usage", "a comparison chooses fusion and statistics itself: leave fusion and stats out of its recipe");
  const names = tasks.map(({ name }) => name);
  const base = { ...whole, general, tasks, propagate: undefined };
  const of = (fusion: string, weights: Recipe["weights"], fusionOptions: Recipe["fusionOptions"] = {}): Recipe =>
    parseRecipe({ ...base, fusion, weights, fusionOptions });
  return [
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
    ...fusions.map((fusion): Variant => ({ name: fusion, kind: "rule", recipe: of(fusion, whole.weights, recipe.fusionOptions ?? {}) })),
  ];
}

/** Weights of which the tasks have `weight` together, parted as the weights that were given part it, else equally. */
function mixtureWeights(tasks: readonly string[], given: Recipe["weights"], weight: number): Record<string, number> {
  const parts = tasks.map((task) => given[task]);
  const all = parts.every((part) => part !== undefined);
  const sum = all ? parts.reduce((total, part) => total + part, 0) : 0;
  const share = (task: string): number => (sum > 0 ? (given[task] as number) / sum : 1 / tasks.length);
  return { [GENERAL]: 1 - weight, ...Object.fromEntries(tasks.map((task) => [task, weight * share(task)])) };
}
