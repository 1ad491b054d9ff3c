import { inputNorm, type Need } from "@secateur/kit";
import { describe, expect, it } from "vitest";
import { type Parts, parseRecipe, planPrune, type RecipeInput } from "../src/index.ts";
import { partsOf } from "./run.ts";
import { failureOf, goldenRecipe } from "./support.ts";

const scorer = { needs: [], selection: { group: "row", rule: "exact" }, score: () => undefined };
const solver = { needs: [], selection: { group: "row", rule: "exact" }, solve: () => undefined };
const fuser = { needs: [], reads: "all", fuse: () => undefined };
const allocator = { needs: [], allocate: () => [] };
const need = (change: object): Need => ({ ...inputNorm, id: "mine", ...change });

/** What comes of planning with parts that are none. */
async function failureWith(change: object, rest: Partial<RecipeInput>): Promise<[code: string, message: string]> {
  const recipe = goldenRecipe("llama", { fusion: "general" });
  const parts = { ...(await partsOf(recipe, 64)), ...change } as Parts;
  return failureOf(async () => {
    const plan = await planPrune(parseRecipe({ ...recipe, ...rest }), parts, undefined);
    await plan.close();
  });
}

describe("what a plugin makes is looked at before anything is planned with it", () => {
  it.each<[part: string, made: object, message: string, rest?: Partial<RecipeInput>]>([
    ["scorer", {}, "scorer wanda has the needs undefined, wanted an array"],
    ["scorer", { ...scorer, needs: ["inputNorm"] }, "scorer wanda has a need without an id and the function reduce (number 0)"],
    ["scorer", { ...scorer, needs: [null] }, "scorer wanda has a need without an id and the function reduce (number 0)"],
    [
      "scorer",
      { ...scorer, needs: [need({ of: "weights" })] },
      "scorer wanda has a need of weights, wanted input or output or gradient or regional",
    ],
    ["scorer", { ...scorer, needs: [need({ merge: "max" })] }, "scorer wanda has a need with merge max, wanted sum"],
    ["scorer", { ...scorer, score: undefined }, "scorer wanda has no function score or solve"],
    ["scorer", { ...scorer, selection: undefined }, "scorer wanda has selection.group undefined, wanted row or matrix or block or model"],
    ["scorer", { ...scorer, selection: { group: "row" } }, "scorer wanda has selection.rule undefined, wanted exact or threshold"],
    ["scorer", { ...scorer, degree: Number.NaN }, "scorer wanda has the degree NaN, wanted a finite number from 0"],
    ["solver", { ...solver, solve: 1 }, "solver mine has no function solve", { solver: "mine" }],
    ["fuser", { ...fuser, needs: null }, "fusion general has the needs null, wanted an array"],
    ["fuser", { ...fuser, fuse: undefined }, "fusion general has no function fuse or pool"],
    ["fuser", { ...fuser, reads: "some" }, "fusion general has reads some, wanted all or general or tasks"],
    ["allocator", { ...allocator, allocate: [] }, "allocator mine has no function allocate", { allocate: "mine" }],
    ["allocator", { ...allocator, measure: 1 }, "allocator mine has no function measure", { allocate: "mine" }],
    ["allocator", { budget: "row", scorer: {} }, "allocator mine has the needs undefined, wanted an array", { allocate: "mine" }],
  ])("%s %o", async (part, made, message, rest = {}) => {
    expect(await failureWith({ [part]: made }, rest)).toEqual(["plugin", message]);
  });

  it.each<[what: string, reduce: () => unknown, complaint: string]>([
    [
      "throws",
      () => {
        throw new Error("no such op");
      },
      "failed on the statistic mine: no such op",
    ],
    ["gives a promise", () => Promise.reject(new Error("late")), "gave a promise of its answer, wanted the answer, for the statistic mine"],
    ["gives nothing", () => undefined, "gave no sums for the statistic mine"],
  ])("a need whose ops are wrong is its plugin's: %s", async (_, reduce, complaint) => {
    const needs = [need({ reduce })];
    expect(await failureWith({ scorer: { ...scorer, needs } }, {})).toEqual(["plugin", `scorer wanda ${complaint}`]);
    expect(await failureWith({ fuser: { ...fuser, reads: "general", needs } }, {})).toEqual(["plugin", `fusion general ${complaint}`]);
    expect(await failureWith({ solver: { ...solver, needs } }, { solver: "mine" })).toEqual(["plugin", `solver mine ${complaint}`]);
    const measuring = { ...allocator, needs, measure: () => 0, allocate: (layers: unknown[], ratio: number) => layers.map(() => ratio) };
    expect(await failureWith({ allocator: measuring }, { allocate: "mine" })).toEqual(["plugin", `allocator mine ${complaint}`]);
  });
});
