import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { run, workFolder } from "./run-cli.ts";

const under = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const QUESTIONS = under("packages/data-parquet/test/fixtures/questions.parquet");

test("a Parquet table is measured by a built-in task template", async (context) => {
  const { code, out, err } = await run(
    workFolder(context),
    "eval",
    under("apps/cli/demo"),
    "--data",
    QUESTIONS,
    "--task-template",
    "arc",
    "--json",
  );
  expect([code, err]).toEqual([0, expect.anything()]);
  expect(JSON.parse(out)).toMatchObject({ metric: "choices", documents: 3, logLikelihoods: [{ length: 4 }, { length: 3 }, { length: 4 }] });
});

test("a model is pruned for a task that a template reads, and the manifest names it", async (context) => {
  const folder = workFolder(context);
  const flags = [
    "--task",
    `questions=${QUESTIONS}`,
    "--task-template",
    "arc",
    "--sparsity",
    "0.5",
    "--samples",
    "2",
    "--out",
    "out",
    "--json",
  ];
  const { code, out } = await run(folder, "prune", under("apps/cli/demo"), ...flags, "--fusion", "task");
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ plan: { roles: [{ role: "questions", sequences: 2 }] } });
  const manifest = JSON.parse(readFileSync(join(folder, "out", "secateur.json"), "utf8"));
  expect(manifest.recipe.tasks).toEqual([{ name: "questions", source: expect.stringContaining("questions.parquet"), template: "arc" }]);
});
