import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fusionOf, parseRecipe } from "@secateur/pipeline";
import { describe, test } from "vitest";
import { run, start, workFolder } from "./run-cli.ts";

const DATA = ["--general", "llama/calibration.jsonl", "--task", "a=llama/task-a.jsonl"];

describe.concurrent("help", () => {
  test("leads to a pruned model, and comes without arguments too", async (context) => {
    const folder = workFolder(context);
    const [bare, help] = await Promise.all([run(folder), run(folder, "--help")]);
    context.expect(bare).toEqual(help);
    context.expect(help).toMatchObject({ code: 0, err: "" });
    for (const text of ["secateur prune ./model --general c4.jsonl", "secateur eval ./pruned", "secateur inspect ./pruned"]) {
      context.expect(help.out).toContain(text);
    }
  });

  test("every command has examples", async (context) => {
    const folder = workFolder(context);
    const helps = await Promise.all(["prune", "eval", "inspect", "plugins"].map((name) => run(folder, name, "--help")));
    for (const { code, out } of helps) {
      context.expect(code).toBe(0);
      context.expect(out).toContain("\nExamples:\n  secateur ");
    }
  });

  test("the server, which is a package of its own, is asked for by name where it is not installed", async (context) => {
    for (const command of ["serve", "worker"]) {
      const { code, out, err } = await start(workFolder(context), [command, "--port", "0"], { NODE_PATH: "" }).ended; // where pnpm has all packages
      context.expect([code, out]).toEqual([2, ""]);
      context
        .expect(err)
        .toContain("the server is a package of its own, @secateur/server, and is not installed\n  npm install -g @secateur/server");
    }
  });

  test("the defaults that help tells are those of a recipe", async (context) => {
    const { out } = await run(workFolder(context), "prune", "--help");
    const help = out.replace(/\s+/g, " ");
    const recipe = parseRecipe({ model: "m", sparsity: 0.5 });
    context.expect(help).toContain(`sequences a role (default: ${recipe.samples})`);
    context.expect(help).toContain(`of every random choice (default: ${recipe.seed})`);
    context.expect(help).toContain(`what a weight is worth (default: ${recipe.scorer})`);
    context.expect(help).toContain(`what computes (default: ${recipe.backend})`);
    context.expect(recipe.propagate).toBeUndefined(); // what suits the method
    context.expect(help).toContain("dense ones (none) before it is looked at (default: block, or none for scores of the dense model)");
    const withTasks = { ...recipe, tasks: [{ name: "a", source: "a" }] };
    const [usual, alone] = [fusionOf(withTasks, {}), fusionOf(recipe, {})];
    context.expect(help).toContain(`(default: with tasks what suits the scorer, as a rule ${usual}, else ${alone})`);
  });
});

describe.concurrent("with --json standard output is one JSON document", () => {
  test("an error", async (context) => {
    const { code, out, err } = await run(workFolder(context), "inspect", "nowhere", "--json");
    context.expect(code).toBe(2);
    const message = "no model at nowhere: there is no such file or folder";
    context.expect(JSON.parse(out)).toEqual({ error: { code: "not-found", message, where: { file: "nowhere" } } });
    context.expect(err).toBe(`error: ${message}\n`);
  });

  test("an error in the arguments", async (context) => {
    const { code, out } = await run(workFolder(context), "prune", "llama", "--sparsity", "abc", "--json");
    context.expect(code).toBe(2);
    context.expect(JSON.parse(out).error.code).toBe("usage");
  });

  test("plugins, with options and defaults", async (context) => {
    const { code, out } = await run(workFolder(context), "plugins", "--json");
    context.expect(code).toBe(0);
    const list = JSON.parse(out);
    context.expect(Object.keys(list)).toEqual(["scorer", "fuser", "allocator", "backend", "loader", "format", "template"]);
    const named = (kind: string) => list[kind].map(({ name }: { name: string }) => name);
    context.expect(named("loader")).toEqual(["text", "jsonl", "csv", "parquet"]);
    context.expect(named("template")).toEqual(["gsm8k", "arc", "mmlu", "pubmedqa", "mbpp", "lambada", "spider"]);
    context
      .expect(list.scorer.map(({ name }: { name: string }) => name))
      .toEqual(["wanda", "magnitude", "ria", "stade", "sparsegpt", "fisher", "obd", "wanda-plus"]);
    const solvers = list.scorer.filter(({ solver }: { solver?: boolean }) => solver).map(({ name }: { name: string }) => name);
    context.expect(solvers).toEqual(["sparsegpt"]);
    context.expect(list.allocator.map(({ name }: { name: string }) => name)).toContain("fisher");
    context.expect(list.scorer[1].options).toMatchObject([{ name: "exact", type: "boolean", default: true }]);
  });

  test("a plan, and nothing is written", async (context) => {
    const folder = workFolder(context);
    const before = readdirSync(folder);
    const { code, out } = await run(folder, "prune", "llama", ...DATA, "--pattern", "2:4", "--dry-run", "--json");
    context.expect(code).toBe(0);
    context.expect(JSON.parse(out).plan).toMatchObject({
      model: "llama",
      blocks: 3,
      layers: 21,
      pruned: 0.5,
      roles: [{ tokens: 168 }, { role: "a", tokens: 120 }],
    });
    context.expect(readdirSync(folder)).toEqual(before);
  });
});

test.concurrent("a dry run shows what it would cost", async (context) => {
  const { code, out } = await run(workFolder(context), "prune", "llama", ...DATA, "--sparsity", "0.5", "--dry-run");
  context.expect(code).toBe(0);
  context.expect(out).toContain("to prune               50.0 % of 62.2 K weights in 21 layers\n");
  context.expect(out).toMatch(/^computation +67\.2 MFLOP$/m);
  context.expect(out).toMatch(/^disk for the output +288\.4 KiB$/m);
  context.expect(out).toMatch(/^a +0\.50 +6 +120 +llama\/task-a\.jsonl$/m);
  context.expect(out).toContain("\nNothing was written: this was a dry run.\n");
});

test.concurrent("a model is pruned, inspected and evaluated", async (context) => {
  const folder = workFolder(context);
  const pruned = await run(folder, "prune", "llama", ...DATA, "--sparsity", "0.5", "--out", "out", "--json");
  context.expect(pruned.code).toBe(0);
  context.expect(JSON.parse(pruned.out)).toMatchObject({ out: "out", sparsity: { zeros: 31_104, of: 62_208, ratio: 0.5 } });
  context.expect(pruned.err).toContain("block 3 of 3: 50.0 % zero\n");
  context.expect(readdirSync(folder).sort()).toEqual(["llama", "out"]);

  const inspected = await run(folder, "inspect", "out", "--json");
  context.expect(JSON.parse(inspected.out)).toMatchObject({
    modelType: "llama",
    parameters: 67_152,
    tensors: 29,
    dtypes: { F32: { tensors: 29 } },
    tokenizer: false,
    pruned: { sparsity: { ratio: 0.5 }, recipe: { scorer: "wanda", fusion: "mixture", sparsity: 0.5 } },
  });
  const text = await run(folder, "inspect", "out");
  context.expect(text.out).toContain("pruned       50.0 % zero: 31,104 of 62,208 weights\n");
  context.expect(text.out).toMatch(/^model\.layers\.\*\.mlp\.up_proj\.weight +F32 +96 × 48 +3 +54\.0 KiB +50\.0 %$/m);

  const [dense, sparse, reference] = await Promise.all([
    run(folder, "eval", "llama", "--data", "llama/task-a.jsonl", "--json"),
    run(folder, "eval", "out", "--data", "llama/task-a.jsonl", "--json"),
    run(folder, "eval", "out", "--data", "llama/task-a.jsonl", "--json", "--backend", "reference"),
  ]);
  const perplexity = ({ out }: { out: string }): number => JSON.parse(out).perplexity;
  context.expect(perplexity(sparse)).not.toBe(perplexity(dense));
  // Both backends compute in single precision and sum in different orders.
  context.expect(perplexity(reference)).toBeCloseTo(perplexity(sparse), 2);

  const [same, far] = await Promise.all([
    run(folder, "eval", "llama", "--against", "llama", "--data", "llama/task-a.jsonl"),
    run(folder, "eval", "out", "--against", "llama", "--data", "llama/task-a.jsonl", "--json"),
  ]);
  context
    .expect(same.out)
    .toMatch(/^KL +0 ± 0 +nats a token, over \d+ tokens\ntop-1 agreement +100\.0 % ± 0\.0\ndistance: KL\(other ‖ model\)/);
  context.expect(JSON.parse(far.out)).toMatchObject({ metric: "distance", divergence: { value: context.expect.any(Number) } });
  context.expect(JSON.parse(far.out).divergence.value).toBeGreaterThan(0.01);
});

test.concurrent("an output is replaced with --force, and a run without data needs none", async (context) => {
  const folder = workFolder(context);
  const prune = (sparsity: string, ...more: string[]) =>
    run(
      folder,
      "prune",
      "llama",
      "--scorer",
      "magnitude",
      "--fusion",
      "general",
      "--general",
      "llama/calibration.jsonl",
      "--sparsity",
      sparsity,
      "--out",
      "out",
      ...more,
    );
  context.expect((await prune("0.5")).code).toBe(0);
  context.expect((await prune("0.25")).code).toBe(2);
  const { code, out } = await prune("0.25", "--force");
  context.expect(code).toBe(0);
  context.expect(out).toContain("zeros        25.0 %: 15,552 of 62,208 weights in 21 layers\n");
  context.expect(out).toContain("size         273.5 KiB, as before: the zeros are stored like any other number\n");
  context.expect(out).toContain("  secateur eval out --data ");
  context.expect(JSON.parse(readFileSync(join(folder, "out", "secateur.json"), "utf8")).sparsity.ratio).toBe(0.25);
});

test.concurrent("a scorer of one's own is named by its file", async (context) => {
  const folder = workFolder(context);
  const scorer = `export default {
    contract: 1, kind: "scorer", name: "last", summary: "keeps the last columns",
    options: { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } },
    create: () => ({
      needs: [], selection: { group: "row", rule: "exact" },
      score: async ({ weights }) => ({ ...weights, data: weights.data.map((_, i) => i % weights.shape[1]) }),
    }),
  };`;
  writeFileSync(join(folder, "last.mjs"), scorer);
  const { code, err } = await run(folder, "prune", "llama", "--scorer", "./last.mjs", "--sparsity", "0.5", "--out", "out");
  context.expect(err).toContain("no data is read");
  context.expect(code).toBe(0);
});
