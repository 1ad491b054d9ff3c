import { type RankingAllocator, SecateurError } from "@secateur/kit";
import { parseOptions } from "@secateur/kit/node";
import { describeScorer, layerOf, statsOf } from "@secateur/kit/testing";
import { describe, expect, it } from "vitest";
import { type FisherAllocatorOptions, fisher, fisherAllocator, fisherScore } from "../src/index.ts";

it.each<[Record<string, unknown>, FisherAllocatorOptions]>([
  [{}, { budget: "matrix", band: 0.2 }],
  [
    { budget: "row", band: "0.35" },
    { budget: "row", band: 0.35 },
  ],
])("%j is understood, and ranks the whole model", async (given, wanted) => {
  const options = await parseOptions(fisherAllocator, given);
  expect(options).toEqual(wanted);
  const { budget, scorer } = fisherAllocator.create(options) as RankingAllocator; // it does not choose ratios
  expect([budget, scorer.selection]).toEqual([wanted.budget, { group: "model", rule: "exact", band: wanted.band }]);
});

it.each([
  [{ budget: "block" }, 'option "budget": Invalid option: expected one of "matrix"|"row"'],
  [{ band: 2 }, 'option "band": Too big: expected number to be <=1'],
  [{ group: "model" }, 'no option is called "group"'],
])("%j is refused: %s", async (given, complaint) => {
  const known = 'budget ("matrix" | "row", default "matrix"), band (number, default 0.2)';
  await expect(parseOptions(fisherAllocator, given)).rejects.toEqual(
    new SecateurError("usage", `allocator "fisher": ${complaint}; its options are ${known}`),
  );
});

it("scores as the scorer fisher does", async () => {
  const { scorer } = fisherAllocator.create({ budget: "matrix", band: 0.2 }) as RankingAllocator; // it does not choose ratios
  const sample = { rows: 2, cols: 1, weights: Float32Array.of(1, -2), inputs: Float64Array.of(3), gradients: Float64Array.of(4, 5) };
  const one = { ...sample, tokenWeights: Float64Array.of(1) };
  const { data } = await scorer.score(layerOf(one), statsOf(one, scorer.needs), {} as never); // it computes without a backend
  expect(data).toEqual(fisherScore(one.weights, Float64Array.of(4, 5), Float64Array.of(3), 2, 1));
  expect([...data]).toEqual([12, 30]);
});

describe("the scorer that it ranks by", () => {
  describeScorer(
    { describe, it },
    { ...fisher, create: ({ band }) => (fisherAllocator.create({ budget: "row", band }) as RankingAllocator).scorer },
  );
});

it("is called as the scorer is, of another kind", () => {
  expect([fisherAllocator.kind, fisherAllocator.name, fisher.kind, fisher.name]).toEqual(["allocator", "fisher", "scorer", "fisher"]);
});
