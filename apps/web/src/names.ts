import type { RecipeInput } from "@secateur/pipeline";
import { percent } from "@secateur/report/text";
import type { Job, Model } from "./api/types.ts";

/** What is called what: the id of a model → its name, which for one that a job made is what it was made of and how. */
export function modelNames(models: readonly Model[], jobs: readonly Job[]): (id: string) => string {
  const nameOf = (id: string, depth = 0): string => {
    const model = models.find((one) => one.id === id);
    if (model === undefined) return id;
    const job = jobs.find((one) => one.id === model.job);
    if (job === undefined || depth > MODELS_DEEP) return model.name;
    const recipe = job.recipe as RecipeInput;
    return `${nameOf(recipe.model, depth + 1)}, pruned ${amountOf(recipe)} (${job.id.slice(0, 8)})`;
  };
  return (id) => nameOf(id);
}

// A pruned model can be pruned again, and so on.
const MODELS_DEEP = 4;

/** How much a recipe prunes: `50.0 %` or `2:4`. */
function amountOf({ sparsity, pattern }: Pick<RecipeInput, "sparsity" | "pattern">): string {
  if (pattern) return `${pattern.keep}:${pattern.of}`;
  return sparsity === undefined ? "" : percent(sparsity);
}

/** The model that a job is about, by its id. */
export function modelOf({ kind, recipe }: Pick<Job, "kind" | "recipe">): string {
  const given = recipe as { readonly model?: string; readonly recipe?: { readonly model: string } };
  return (kind === "compare" ? given.recipe?.model : given.model) ?? "";
}

const VERBS: Readonly<Record<Job["kind"], string>> = {
  prune: "Prune",
  compare: "Compare ways to prune",
  eval: "Evaluate",
  calibrate: "Calibrate",
};

/** What a job does, in words. */
export function titleOf(job: Pick<Job, "kind" | "recipe">, nameOf: (model: string) => string): string {
  const recipe = (job.kind === "compare" ? (job.recipe as { recipe: unknown }).recipe : job.recipe) as RecipeInput;
  const amount = amountOf(recipe);
  return `${VERBS[job.kind]} ${nameOf(modelOf(job))}${amount === "" ? "" : ` by ${amount}`}`;
}
