import {
  type Allocator,
  type Fuser,
  type Need,
  outputGradient,
  type RankingAllocator,
  type RatioAllocator,
  type Scorer,
  SecateurError,
  type Solver,
} from "@secateur/kit";
import { checkParts, namedNeeds } from "./check-parts.ts";
import { readsGradients } from "./dense-pass.ts";
import type { PlannedRecipe, Recipe } from "./recipe.ts";

/** The parts of a run that choose what is pruned. */
export interface MethodParts {
  readonly scorer: Scorer | Solver;
  /** Repairs what a scorer has chosen. */
  readonly solver?: Solver | undefined;
  readonly fuser: Fuser;
  readonly allocator?: Allocator | undefined;
}

/** How a run chooses what is pruned, and what it reads for it. */
export interface Method {
  readonly scorer: Scorer | Solver;
  readonly solver: Solver | undefined;
  readonly fuser: Fuser;
  /** What chooses the layers' ratios before the run. */
  readonly ratios: RatioAllocator | undefined;
  /** Whose scores of the dense model share the budget out before the run. */
  readonly ranking: Pick<RankingAllocator, "scorer" | "budget"> | undefined;
  /** What scores and their fusion read. */
  readonly scoreNeeds: readonly Need[];
  /** What the scores that share the budget out read. */
  readonly rankingNeeds: readonly Need[];
  /** Where scores come from: statistics of the dense model, collected before anything is pruned, or those of the run's own passes. */
  readonly scoresFrom: "dense" | "walk";
  /** What the run's own passes collect. */
  readonly walkNeeds: readonly Need[];
  /** What `ratios` measures by. */
  readonly ratioNeeds: readonly Need[];
}

/** What of a recipe decides how a method works. */
type MethodRecipe = Pick<Recipe, "scorer" | "solver" | "allocate" | "pattern" | "propagate" | "stats"> & Pick<PlannedRecipe, "fusion">;

/** Works out a method. Throws SecateurError `usage` or `unsupported` for parts that do not go together, `plugin` for what is none. */
export function methodOf(recipe: MethodRecipe, parts: MethodParts): Method {
  checkParts(recipe, parts);
  const { scorer, solver, fuser, allocator } = parts;
  const ranks = (one: Scorer | Solver): boolean => one.selection.group === "block" || one.selection.group === "model";
  const chooses = "score" in scorer ? scorer : undefined;
  if (solver && !chooses) {
    throw new SecateurError(
      "usage",
      `${recipe.scorer} repairs what it has chosen itself: give --solver ${recipe.solver} with a scorer, or leave it out`,
    );
  }
  if (!chooses && ranks(scorer)) {
    throw new SecateurError(
      "unsupported",
      `with ${recipe.scorer} weights compete within each ${scorer.selection.group}, and it changes them as it goes: a ratio is chosen within a row or a matrix only`,
    );
  }
  if (recipe.allocate !== undefined && ranks(scorer)) {
    throw new SecateurError(
      "usage",
      `allocate: ${recipe.allocate} was given with ${recipe.scorer}, whose weights compete within the ${scorer.selection.group}, which shares the budget out already: give one of the two, or --scorer-option group=matrix`,
    );
  }
  const given = allocator && "scorer" in allocator ? allocator : undefined;
  if (given && !ranks(given.scorer))
    throw new SecateurError(
      "plugin",
      `allocator ${recipe.allocate} ranks by scores that compete within each ${given.scorer.selection.group}: wanted block or model`,
    );
  const own = chooses && ranks(chooses) && !recipe.pattern ? ({ scorer: chooses, budget: "matrix" } as const) : undefined;
  const ranking = given ?? own;
  if (ranking) checkRanking(ranking, given ? `allocator ${recipe.allocate}` : `scorer ${recipe.scorer}`);
  if (ranking && fuser.compares === "matrix") {
    const [who, way] = given ? [`allocate: ${recipe.allocate}`, "leave allocate out"] : [recipe.scorer, "--scorer-option group=matrix"];
    throw new SecateurError(
      "usage",
      `fusion ${recipe.fusion} was given with ${who}, for which weights compete within the ${ranking.scorer.selection.group}, and what it gives compares within a matrix only: give another fusion, or ${way}`,
    );
  }

  const scoreNeeds = needsOfScores(recipe, "scorer", scorer, fuser);
  const rankingNeeds = ranking ? needsOfScores(recipe, given ? "allocate" : "scorer", ranking.scorer, fuser) : [];
  const scoresFrom = readsGradients(scoreNeeds) || own ? "dense" : "walk";
  checkPropagation(recipe, scoresFrom, scoreNeeds);
  const walkNeeds = uniqueNeeds([
    ...(scoresFrom === "walk" ? scoreNeeds : []),
    ...namedNeeds(`solver ${recipe.solver}`, solver?.needs ?? []),
  ]);
  const ratios = allocator && !("scorer" in allocator) ? allocator : undefined;
  const ratioNeeds = namedNeeds(`allocator ${recipe.allocate}`, ratios?.needs ?? []);
  return { scorer, solver, fuser, ratios, ranking, scoreNeeds, rankingNeeds, scoresFrom, walkNeeds, ratioNeeds };
}

/** Throws SecateurError `plugin` for what would be found only once the dense model has been read. */
function checkRanking({ scorer, budget }: Pick<RankingAllocator, "scorer" | "budget">, who: string): void {
  const { band = 1, rule } = scorer.selection;
  if (!(band >= 0 && band <= 1)) throw new SecateurError("plugin", `${who} has the band ${band}, wanted a number from 0 to 1`);
  if (rule !== "exact")
    throw new SecateurError("plugin", `${who} has the rule ${rule} beyond the matrix, where totals are exact: wanted exact`);
  if (budget !== "matrix" && budget !== "row")
    throw new SecateurError("plugin", `${who} gives a budget to each ${budget}: wanted matrix or row`);
}

/** What a scorer's scores and their fusion read. The level of scores of the loss comes of its gradients. */
function needsOfScores(recipe: MethodRecipe, of: "scorer" | "allocate", scorer: Scorer | Solver, fuser: Fuser): readonly Need[] {
  const name = recipe[of];
  const ofLoss = readsGradients(scorer.needs);
  const needs = uniqueNeeds([
    ...namedNeeds(`${of === "scorer" ? "scorer" : "allocator"} ${name}`, scorer.needs),
    ...namedNeeds(`fusion ${recipe.fusion}`, fuser.needs),
    ...(ofLoss ? [outputGradient] : []),
  ]);
  if ("solve" in scorer && readsGradients(needs))
    throw new SecateurError(
      "unsupported",
      `${name} changes weights as it goes, and the loss's gradients are the dense model's: give --solver ${name} with a scorer that reads them`,
    );
  if (ofLoss && "pool" in fuser && !fuser.fuse)
    throw new SecateurError(
      "unsupported",
      `fusion ${recipe.fusion} pools statistics, and the scores of ${name} are of the loss's gradients, which cannot be pooled factor by factor`,
    );
  return needs;
}

function checkPropagation(
  { scorer, solver, propagate, stats }: MethodRecipe,
  scoresFrom: Method["scoresFrom"],
  needs: readonly Need[],
): void {
  if (propagate === undefined || propagate === "none") return;
  if (scoresFrom === "dense" && solver === undefined && stats === undefined) {
    throw new SecateurError(
      "usage",
      `propagate: ${propagate} was given with ${scorer}, whose statistics are the dense model's: leave it out, or give a --solver, which passes data through pruned blocks`,
    );
  }
  const regional = needs.find(({ of }) => of === "regional");
  if (scoresFrom === "walk" && regional && propagate === "linear")
    throw new SecateurError(
      "usage",
      `propagate: linear was given with ${scorer}, which reads ${regional.id} of whole blocks: give block or none`,
    );
}

/** Needs of one id once, in order. */
export function uniqueNeeds(needs: readonly Need[]): Need[] {
  return [...new Map(needs.map((need) => [need.id, need])).values()];
}
