import { describe, expect, test } from "vitest";
import { type PruneFlags, pruneRequest } from "../../src/commands/prune.ts";
import { field, namedSource } from "../../src/flags.ts";

const HALF: PruneFlags = { out: "out", sparsity: 0.5 };
const recipeOf = (flags: PruneFlags) => pruneRequest("m", { ...HALF, ...flags }, "1.2.3").recipe;

test("how data is read is refused beside statistics", () => {
  const message = "--seq-len says how data is read, and the statistics s.st have been collected already: leave it out";
  expect(() => pruneRequest("m", { sparsity: 0.5, out: "o", stats: "s.st", seqLen: 512 }, "1")).toThrow(
    expect.objectContaining({ code: "usage", message }),
  );
  expect(pruneRequest("m", { sparsity: 0.5, out: "o", stats: "s.st" }, "1").recipe.stats).toBe("s.st");
});

test("flags that were not given leave the recipe its defaults", () => {
  const { recipe, ...rest } = pruneRequest("m", HALF, "1.2.3");
  expect(rest).toEqual({ out: "out", force: false, restart: false, dryRun: false, version: "1.2.3" });
  const given = Object.fromEntries(Object.entries(recipe).filter(([, value]) => value !== undefined));
  const options = { allocateOptions: {}, scorerOptions: {}, solverOptions: {}, fusionOptions: {}, backendOptions: {} };
  const none = { general: [], tasks: [], weights: {}, ...options };
  expect(given).toEqual({ model: "m", sparsity: 0.5, ...none });
});

test("only a dry run needs no output", () => {
  expect(pruneRequest("m", { sparsity: 0.5, dryRun: true }, "1").out).toBeUndefined();
});

test("options come as they were typed, the last of two of a name wins, and threads are the backend's", () => {
  const recipe = recipeOf({
    fusionOption: [
      ["tau", "0.2"],
      ["tau", "0.3"],
    ],
    threads: 2,
    weight: [["a", 0.25]],
  });
  expect(recipe).toMatchObject({ fusionOptions: { tau: "0.3" }, backendOptions: { threads: 2 }, weights: { a: 0.25 } });
});

describe("fields and templates", () => {
  const task = ["a=a.jsonl", "b.jsonl"].map(namedSource);

  test("without a role are those of all tasks", () => {
    const recipe = recipeOf({ general: ["g.txt"], task, field: [field("prompt=text"), field("answer=code")], template: ["{x}|||{y}"] });
    const reading = { fields: { prompt: "text", answer: "code" }, template: "{x}|||{y}" };
    expect(recipe.general).toEqual([{ source: "g.txt" }]);
    expect(recipe.tasks).toEqual([
      { name: "a", source: "a.jsonl", ...reading },
      { name: "b", source: "b.jsonl", ...reading },
    ]);
  });

  test("without tasks are the general text's", () => {
    const recipe = recipeOf({ general: ["g.jsonl"], field: [field("text=body")], template: ["{body}"] });
    expect(recipe.general).toEqual([{ source: "g.jsonl", fields: { text: "body" }, template: "{body}" }]);
  });

  test("with a role are that role's, before those for all", () => {
    const recipe = recipeOf({ general: ["g.jsonl"], task, field: [field("general:text=body")], template: ["{x}", "b=b: {y}"] });
    expect(recipe.general).toEqual([{ source: "g.jsonl", fields: { text: "body" } }]);
    expect(recipe.tasks).toEqual([
      { name: "a", source: "a.jsonl", template: "{x}" },
      { name: "b", source: "b.jsonl", template: "b: {y}" },
    ]);
  });
});

test("task templates are templates too, of all tasks or of one", () => {
  const task = ["a=a.jsonl", "b.parquet"].map(namedSource);
  const recipe = recipeOf({ general: ["g.txt"], task, taskTemplate: ["mmlu", "b=./spider.json"] });
  expect(recipe.general).toEqual([{ source: "g.txt" }]);
  expect(recipe.tasks).toEqual([
    { name: "a", source: "a.jsonl", template: "mmlu" },
    { name: "b", source: "b.parquet", template: "./spider.json" },
  ]);
});

test.each([
  [{ out: "o" }, "how much to prune is not said: give --sparsity, such as 0.5, or --pattern, such as 2:4"],
  [{ out: "o", sparsity: 0.5, pattern: { keep: 2, of: 4 } }, "--sparsity and --pattern exclude each other: give one"],
  [{ sparsity: 0.5 }, "--out is missing: name a folder for the pruned model, or give --dry-run to see the plan only"],
  [{ ...HALF, threads: 2, backendOption: [["threads", "4"]] }, "threads is given twice, by --threads and by --backend-option: give one"],
  [
    { ...HALF, compute: "bf16", backendOption: [["compute", "f32"]] },
    "compute is given twice, by --compute and by --backend-option: give one",
  ],
  [{ ...HALF, field: [field("x:text=a")] }, "--field x:text=a: no role is called x; roles are general"],
  [{ ...HALF, general: ["g"], template: ["{a}", "{b}"] }, "two templates are given for general: give one"],
  [{ ...HALF, general: ["g"], template: ["{a}"], taskTemplate: ["arc"] }, "two templates are given for general: give one"],
] as const)("%j is refused", (flags, message) => {
  expect(() => pruneRequest("m", flags, "1")).toThrow(expect.objectContaining({ code: "usage", message }));
});
