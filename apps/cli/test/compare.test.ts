import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "@secateur/tensor";
import { type TestContext, test } from "vitest";
import { run, start, workFolder } from "./run-cli.ts";

/** A folder with a model, general rows and two tasks' rows of token ids. */
function dataFolder(context: TestContext): string {
  const folder = workFolder(context);
  for (const [seed, [name, low, count]] of Object.entries([
    ["general", 3, 40],
    ["math", 50, 30],
    ["code", 20, 30],
  ] as const)) {
    const random = seededRandom(Number(seed));
    const rows = Array.from({ length: count }, () => Array.from({ length: 16 }, () => low + Math.floor(random.next() * 40)));
    writeFileSync(join(folder, `${name}.jsonl`), rows.map((ids) => `${JSON.stringify({ input_ids: ids })}\n`).join(""));
  }
  return folder;
}

const ARGS = ["compare", "llama", "--general", "general.jsonl", "--task", "math.jsonl", "--sparsity", "0.5"];

test.concurrent("general text, tasks, mixtures and rules stand in one table, and in a file", async (context) => {
  const folder = dataFolder(context);
  const { code, out, err } = await run(
    folder,
    ...ARGS,
    "--task",
    "code.jsonl",
    "--mixture",
    "0.5",
    "--fusion",
    "max",
    "--out",
    "compare.json",
  );
  context.expect(code).toBe(0);
  const lines = out.split("\n");
  context.expect(lines[0]).toMatch(/^pruned by +zero +general ppl +math ppl +math past mixtures +code ppl +code past mixtures$/);
  const number = String.raw`[\d.]+ ± [\d.]+`;
  for (const [i, name] of ["dense", "general", "math only", "code only", "mixture 0.5"].entries())
    context.expect(lines[i + 1]).toMatch(new RegExp(`^${name} +(0|50)\\.0 % +${number} +${number} +${number}$`));
  const distance = String.raw`[+−]?[\d.]+ ± [\d.]+( \(general\))?( \*)?`;
  context.expect(lines[6]).toMatch(new RegExp(`^max +50\\.0 % +${number} +${number} +${distance} +${number} +${distance}$`));
  context.expect(out).toMatch(/^math +\d+ +math\.jsonl \(held out\)$/m);
  context.expect(out).toContain("\nwritten to compare.json\n");
  context.expect(err).toContain("6 of 6 models measured: max\n");
  const file = JSON.parse(readFileSync(join(folder, "compare.json"), "utf8"));
  context.expect(file).toMatchObject({
    plan: { variants: ["general", "math only", "code only", "mixture 0.5", "max"] },
    backend: { engine: "onnxruntime" },
    rows: [
      { name: "dense" },
      { name: "general" },
      { name: "math only" },
      { name: "code only" },
      { name: "mixture 0.5" },
      { frontier: { math: {}, code: {} } },
    ],
  });
  context.expect(readdirSync(folder).sort()).toEqual(["code.jsonl", "compare.json", "general.jsonl", "llama", "math.jsonl"]);
});

test.concurrent("a comparison goes on where it was stopped", async (context) => {
  const folder = dataFolder(context);
  const first = start(folder, [...ARGS, "--json"]);
  await first.says("2 of 8 models measured");
  first.process.kill("SIGINT");
  const stopped = await first.ended;
  context.expect(stopped.code).toBe(130);
  context.expect(stopped.err).toContain("secateur-compare.work is kept: the same command goes on from there");
  context.expect(readdirSync(folder)).toContain("secateur-compare.work");
  const { code, out } = await run(folder, ...ARGS, "--json");
  context.expect([code, JSON.parse(out).rows.length]).toEqual([0, 8]);
  context.expect(readdirSync(folder)).not.toContain("secateur-compare.work");
});

test.concurrent("a dry run says what would be compared, and measures nothing", async (context) => {
  const folder = dataFolder(context);
  const { code, out } = await run(folder, ...ARGS, "--dry-run");
  context.expect(code).toBe(0);
  context
    .expect(out)
    .toMatch(/^to compare +dense, general, math only, mixture 0\.25, mixture 0\.5, mixture 0\.75, shared-exclusive, max$/m);
  context.expect(out).toContain("\nNothing was measured: this was a dry run.\n");
  context.expect(readdirSync(folder).sort()).toEqual(["code.jsonl", "general.jsonl", "llama", "math.jsonl"]);
});

test.concurrent.for<[what: string, args: string[], message: string]>([
  ["no task", ["compare", "llama", "--general", "general.jsonl", "--sparsity", "0.5"], "error: a comparison wants a task's data"],
  ["no amount", ARGS.slice(0, -2), "error: how much to prune is not said"],
  [
    "rows that are calibrated with",
    [...ARGS, "--eval", "math=math.jsonl"],
    "this row is calibration data of the role math too (math.jsonl, line 1)",
  ],
  ["a rule that is not there", [...ARGS, "--fusion", "maxx"], "max"],
  ["an option that a rule has not", [...ARGS, "--fusion", "max:tua=0.2"], "tua"],
  [
    "an output that is read",
    [...ARGS, "--eval", "llama/config.json", "--out", "llama/config.json"],
    "--out llama/config.json is what is read",
  ],
  ["an output of another kind", [...ARGS, "--out", "math.jsonl"], "--out math.jsonl: wanted a file whose name ends in .json or .html"],
])("is refused: %s", async ([, args, message], context) => {
  const folder = dataFolder(context);
  const before = readdirSync(folder);
  const { code, err } = await run(folder, ...args);
  context.expect(err).toContain(message);
  context.expect([code, readdirSync(folder)]).toEqual([2, before]);
});
