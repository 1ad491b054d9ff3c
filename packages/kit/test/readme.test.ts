import { readFileSync } from "node:fs";
import { f32 } from "@secateur/tensor";
import { describe, expect, it, test } from "vitest";
import type { Backend, RoleStats, Scorer } from "../src/index.ts";
import { parseOptions } from "../src/node.ts";
import { describeScorer } from "../src/testing.ts";
import power from "./readme-scorer.ts";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");

test("the README shows the scorer that is tested here", () => {
  expect(read("../README.md")).toContain(`\`\`\`ts\n${read("./readme-scorer.ts")}\`\`\``);
});

describeScorer({ describe, it }, power);

test("the README's scorer scores", async () => {
  const scorer = power.create(await parseOptions(power, {})) as Scorer;
  const stats: RoleStats = { get: () => ({ squares: Float64Array.of(8, 0, 2), sums: new Float64Array(3), weight: Float64Array.of(2) }) };
  const layer = { name: "l", weights: f32([2, 3], Float32Array.of(1, 4, -9, -4, 5, 1)), axes: ["o", "i"] as const, sizes: { o: 2, i: 3 } };
  const scores = await scorer.score(layer, stats, {} as Backend); // it is pure maths and asks nothing of a backend
  // √(8/2) = 2, √(0/2) = 0, √(2/2) = 1, times the root of each weight
  expect(scores).toEqual(f32([2, 3], Float32Array.of(2, 0, 3, 4, 0, 1)));
});
