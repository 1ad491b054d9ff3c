import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { goldenFolder } from "./golden-cases.ts";
import { pruneForTask } from "./readme-example.ts";
import { newFolder } from "./support.ts";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

it("shows the example that is tested here", () => {
  expect(read("../README.md")).toContain(`\`\`\`ts\n${read("./readme-example.ts")}\`\`\``);
});

it("prunes as the example says", async () => {
  const folder = goldenFolder("llama");
  const out = join(await newFolder(), "pruned");
  const manifest = await pruneForTask(folder, join(folder, "calibration.jsonl"), join(folder, "task-a.jsonl"), out);
  expect(manifest.sparsity.ratio).toBe(0.5);
  expect(manifest.data.map(({ role, weight }) => [role, weight])).toEqual([
    ["general", 0.5],
    ["math", 0.5],
  ]);
  expect(manifest.tensors[0]?.channels).toEqual({
    shared: expect.any(Number),
    exclusive: { general: expect.any(Number), math: expect.any(Number) },
  });
});
