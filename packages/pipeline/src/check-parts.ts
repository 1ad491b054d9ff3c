import type { Need, Scorer, Solver } from "@secateur/kit";
import type { MethodParts } from "./method.ts";
import { complain, runPlugin } from "./plugin-guard.ts";
import type { Recipe } from "./recipe.ts";

/** Throws SecateurError `plugin` for a part that its plugin has made otherwise than its contract says, so that it is met before anything is planned with it. */
export function checkParts(
  { scorer, solver, fusion, allocate }: Pick<Recipe, "scorer" | "solver" | "fusion" | "allocate">,
  parts: MethodParts,
): void {
  checkScorer(`scorer ${scorer}`, parts.scorer, ["score", "solve"]);
  if (parts.solver) checkScorer(`solver ${solver}`, parts.solver, ["solve"]);
  const fuser = `fusion ${fusion}`;
  checkNeeds(fuser, parts.fuser);
  checkFunction(fuser, parts.fuser, ["fuse", "pool"]);
  checkWord(fuser, "reads", parts.fuser.reads, ["all", "general", "tasks"]);
  const { allocator } = parts;
  if (!allocator) return;
  const who = `allocator ${allocate}`;
  if ("scorer" in allocator) checkScorer(who, allocator.scorer, ["score"]);
  else {
    checkNeeds(who, allocator);
    checkFunction(who, allocator, ["allocate"]);
    if (allocator.measure !== undefined) checkFunction(who, allocator, ["measure"]);
  }
}

/** A plugin's needs, whose ops are written in its name: an error in one says whose and which it is. */
export function namedNeeds(who: string, needs: readonly Need[]): Need[] {
  return needs.map((need) => ({
    ...need,
    reduce(...given) {
      const place = { label: `the statistic ${need.id}` };
      const sums = runPlugin(who, place, () => need.reduce(...given));
      if (typeof sums !== "object" || sums === null) complain(who, place, "gave no sums");
      return sums;
    },
  }));
}

function checkScorer(who: string, made: Scorer | Solver, functions: readonly string[]): void {
  checkNeeds(who, made);
  checkFunction(who, made, functions);
  checkWord(who, "selection.group", made.selection?.group, ["row", "matrix", "block", "model"]);
  checkWord(who, "selection.rule", made.selection?.rule, ["exact", "threshold"]);
  const degree: unknown = "degree" in made ? made.degree : undefined;
  if (degree !== undefined && !(Number.isFinite(degree) && (degree as number) >= 0))
    complain(who, undefined, `has the degree ${degree}, wanted a finite number from 0`);
}

function checkNeeds(who: string, made: { readonly needs: readonly Need[] }): void {
  const { needs }: { readonly needs: unknown } = made;
  if (!Array.isArray(needs)) complain(who, undefined, `has the needs ${needs}, wanted an array`);
  const bad = needs.findIndex((need) => typeof need?.id !== "string" || typeof need.reduce !== "function");
  if (bad >= 0) complain(who, undefined, `has a need without an id and the function reduce (number ${bad})`);
  for (const { of, merge } of needs) {
    checkWord(who, "a need of", of, ["input", "output", "gradient", "regional"]);
    checkWord(who, "a need with merge", merge, ["sum"]);
  }
}

function checkFunction(who: string, made: object, names: readonly string[]): void {
  const found = names.some((name) => typeof (made as Readonly<Record<string, unknown>>)[name] === "function");
  if (!found) complain(who, undefined, `has no function ${names.join(" or ")}`);
}

function checkWord(who: string, what: string, value: unknown, words: readonly string[]): void {
  if (!words.some((word) => word === value)) complain(who, undefined, `has ${what} ${String(value)}, wanted ${words.join(" or ")}`);
}
