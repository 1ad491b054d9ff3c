import { type AllocatorPlugin, defineAllocator, type RankingAllocator } from "@secateur/kit";
import { z } from "zod";
import { bandOption, fisherScorer } from "./fisher.ts";

/** Options of the allocator `fisher`. */
export interface FisherAllocatorOptions {
  /** What gets a budget of its own: each matrix, or each of its rows. */
  readonly budget: RankingAllocator["budget"];
  /** How far each matrix's ratio may be from the asked one, 0 to 1. */
  readonly band: number;
}

const options = z.strictObject({
  budget: z
    .enum(["matrix", "row"])
    .prefault("matrix")
    .default("matrix")
    .meta({ description: "what gets a budget of its own: each matrix, or each of its rows" }),
  band: bandOption("how far each matrix's ratio may be from the asked one"),
});

/** Shares the asked ratio out by where the lowest scores of `fisher` on the dense model are, so that another scorer chooses within matrices or rows. */
export const fisherAllocator: AllocatorPlugin<FisherAllocatorOptions> = defineAllocator({
  name: "fisher",
  summary: "each matrix or row prunes as many weights as it has among the model's lowest scores of the scorer fisher",
  options,
  create: ({ budget, band }) => ({ scorer: fisherScorer({ group: "model", band }), budget }),
});
