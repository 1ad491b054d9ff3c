import type { Backend } from "@secateur/kit";
import type { ComparedRow } from "./compare.ts";
import type { CompareInput, ComparePlan, SharedRecipe } from "./compare-plan.ts";
import { shownMeasure, shownRecipe } from "./manifest.ts";
import { shownPath } from "./shown-path.ts";

/** What was compared, how, and what came of it. Two equal runs give the same. */
export interface Comparison {
  /** The version of the program. */
  readonly secateur: string;
  /** What gives this comparison again. */
  readonly input: CompareInput & { readonly recipe: SharedRecipe };
  readonly model: { readonly source: string; readonly modelType: string; readonly hash: string };
  readonly plan: ComparePlan["summary"];
  readonly backend: Backend["description"];
  /** The dense model first. */
  readonly rows: readonly ComparedRow[];
}

/** What a finished comparison leaves. Paths are as they were typed, absolute ones relative to the present folder. */
export async function makeComparison(
  { input, model, summary }: ComparePlan,
  { version, backend, rows }: { readonly version: string; readonly backend: Backend["description"]; readonly rows: readonly ComparedRow[] },
): Promise<Comparison> {
  const source = shownPath(summary.model);
  const local = <Data extends { readonly sources: readonly string[] }>(data: Data): Data => ({
    ...data,
    sources: data.sources.map(shownPath),
  });
  return {
    secateur: version,
    input: {
      ...shownMeasure(input),
      recipe: shownRecipe(input.recipe),
      rules: input.rules.map((rule) => ({ ...rule, fusion: shownPath(rule.fusion) })),
    },
    model: { source, modelType: summary.modelType, hash: await model.hash() },
    plan: { ...summary, model: source, roles: summary.roles.map(local), evaluation: summary.evaluation.map(local) },
    backend,
    rows,
  };
}
