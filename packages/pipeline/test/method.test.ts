import { type Allocator, type Fuser, gram, inputNorm, outputGradient, regionalGradient, type Scorer, type Solver } from "@secateur/kit";
import { describe, expect, it } from "vitest";
import type { PlannedRecipe } from "../src/index.ts";
import { type MethodParts, methodOf } from "../src/method.ts";
import { failureOf } from "./support.ts";

describe("methodOf", () => {
  it("refuses parts that do not go together", async () => {
    const ofModel: Scorer = {
      needs: [],
      selection: { group: "model", rule: "exact" },
      score: () => Promise.reject(new Error("not asked")),
    };
    const ofLoss: Scorer = { ...ofModel, needs: [outputGradient], selection: { group: "row", rule: "exact" } };
    const ofRegion: Scorer = { ...ofLoss, needs: [regionalGradient] };
    const solver: Solver = {
      needs: [gram],
      selection: { group: "matrix", rule: "exact" },
      solve: () => Promise.reject(new Error("not asked")),
    };
    const summing: Fuser = { needs: [], reads: "all", fuse: () => ({ scores: new Float32Array(0) }) };
    const ranks: Fuser = { ...summing, compares: "matrix" };
    const pooling: Fuser = { needs: [], reads: "all", pool: () => ({ get: () => ({}) }) };
    const ranking: Allocator = { scorer: ofLoss, budget: "matrix" };
    const wanda = { needs: [inputNorm], selection: { group: "row", rule: "exact" }, score: ofModel.score } as const;
    const cases: [Partial<PlannedRecipe>, Partial<MethodParts>, string, string][] = [
      [
        { scorer: "sgpt", solver: "other" },
        { scorer: solver, solver },
        "usage",
        "sgpt repairs what it has chosen itself: give --solver other with a scorer, or leave it out",
      ],
      [
        { scorer: "sgpt" },
        { scorer: { ...solver, selection: { group: "model", rule: "exact" } } },
        "unsupported",
        "with sgpt weights compete within each model, and it changes them as it goes: a ratio is chosen within a row or a matrix only",
      ],
      [
        { scorer: "wide", allocate: "owl" },
        { scorer: ofModel, allocator: { needs: [], allocate: (layers, ratio) => layers.map(() => ratio) } },
        "usage",
        "allocate: owl was given with wide, whose weights compete within the model, which shares the budget out already: give one of the two, or --scorer-option group=matrix",
      ],
      [
        { allocate: "narrow" },
        { allocator: ranking },
        "plugin",
        "allocator narrow ranks by scores that compete within each row: wanted block or model",
      ],
      [
        { scorer: "wide" },
        { scorer: { ...ofModel, selection: { group: "block", rule: "exact", band: 20 } } },
        "plugin",
        "scorer wide has the band 20, wanted a number from 0 to 1",
      ],
      [
        { scorer: "wide" },
        { scorer: { ...ofModel, selection: { group: "model", rule: "threshold" } } },
        "plugin",
        "scorer wide has the rule threshold beyond the matrix, where totals are exact: wanted exact",
      ],
      [
        { allocate: "shares" },
        { allocator: { scorer: ofModel, budget: "column" as "row" } },
        "plugin",
        "allocator shares gives a budget to each column: wanted matrix or row",
      ],
      [
        { scorer: "wide", fusion: "rank" },
        { scorer: ofModel, fuser: ranks },
        "usage",
        "fusion rank was given with wide, for which weights compete within the model, and what it gives compares within a matrix only: give another fusion, or --scorer-option group=matrix",
      ],
      [
        { allocate: "shares", fusion: "rank" },
        { allocator: { scorer: ofModel, budget: "row" }, fuser: ranks },
        "usage",
        "fusion rank was given with allocate: shares, for which weights compete within the model, and what it gives compares within a matrix only: give another fusion, or leave allocate out",
      ],
      [
        { scorer: "loss", propagate: "block" },
        { scorer: ofLoss },
        "usage",
        "propagate: block was given with loss, whose statistics are the dense model's: leave it out, or give a --solver, which passes data through pruned blocks",
      ],
      [
        { scorer: "region", propagate: "linear" },
        { scorer: ofRegion },
        "usage",
        "propagate: linear was given with region, which reads regionalGradient of whole blocks: give block or none",
      ],
      [
        { scorer: "loss", fusion: "pooled" },
        { scorer: ofLoss, fuser: pooling },
        "unsupported",
        "fusion pooled pools statistics, and the scores of loss are of the loss's gradients, which cannot be pooled factor by factor",
      ],
      [
        { scorer: "sgpt", fusion: "sides" },
        { scorer: solver, fuser: { needs: [outputGradient], reads: "all", fuse: () => ({ scores: new Float32Array(0) }) } },
        "unsupported",
        "sgpt changes weights as it goes, and the loss's gradients are the dense model's: give --solver sgpt with a scorer that reads them",
      ],
    ];
    for (const [recipe, parts, code, message] of cases)
      expect(
        await failureOf(() => methodOf({ scorer: "wanda", fusion: "general", ...recipe }, { scorer: wanda, fuser: summing, ...parts })),
        JSON.stringify(recipe),
      ).toEqual([code, message]);
  });
});
