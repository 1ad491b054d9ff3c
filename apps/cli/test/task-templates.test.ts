import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
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

test("a sweep and a prune are measured by a template, each data by its own", async (context) => {
  const folder = workFolder(context);
  const model = under("apps/cli/demo");
  await writeFile(
    join(folder, "sums.jsonl"),
    `${JSON.stringify({ ask: "1+1=", say: "2" })}\n${JSON.stringify({ ask: "2+2=", say: "4" })}\n`,
  );
  await writeFile(
    join(folder, "text.txt"),
    "Call me Ishmael. Some years ago, never mind how long precisely.\n\nThere now is your insular city.\n",
  );
  await run(folder, "calibrate", model, "--general", "text.txt", "--samples", "1", "--seq-len", "8", "--out", "stats.st");
  const data = [QUESTIONS, "sums.jsonl"];
  const reading = ["--task-template", "questions=arc", "--template", "sums={ask}|||{say}"];
  const measured = data.flatMap((file) => ["--data", file]);
  const swept = await run(
    folder,
    "sweep",
    model,
    "--stats",
    "stats.st",
    "--fusion",
    "general",
    "--sparsity",
    "0.5",
    ...measured,
    ...reading,
    "--out",
    "sweep.jsonl",
    "--json",
  );
  expect([swept.code, swept.err]).toEqual([0, expect.anything()]);
  const rows = JSON.parse(swept.out).rows as { metrics: Record<string, { metric: string; documents: number }> }[];
  expect(rows.map(({ metrics }) => metrics)).toMatchObject(
    [0, 1].map(() => ({ questions: { metric: "choices", documents: 3 }, sums: { metric: "answers", documents: 2 } })),
  );
  const evaluated = data.flatMap((file) => ["--eval", file]);
  const pruned = await run(
    folder,
    "prune",
    model,
    "--stats",
    "stats.st",
    "--fusion",
    "general",
    "--sparsity",
    "0.5",
    ...evaluated,
    ...reading,
    "--out",
    "out",
    "--json",
  );
  expect(pruned.code).toBe(0);
  const quality = JSON.parse(pruned.out).quality as { name: string; before: object; after: object }[];
  const figures = (one: object | undefined): unknown => (one as { acc?: unknown; nll?: unknown }).acc ?? (one as { nll?: unknown }).nll;
  expect(quality.map(({ name, before, after }) => [name, figures(before), figures(after)])).toEqual(
    ["questions", "sums"].map((name) => [name, ...rows.map(({ metrics }) => figures(metrics[name]))]),
  );
});
