import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "vitest";
import { run, workFolder } from "./run-cli.ts";

/** A folder with a model, rows to prune it with, and other rows. */
function dataFolder(context: TestContext): string {
  const folder = workFolder(context);
  for (const [name, first] of Object.entries({ general: 0, other: 5 })) {
    const rows = Array.from({ length: 8 }, (_, r) => Array.from({ length: 16 }, (_, t) => 3 + ((first + 11 * r + t * t) % 90)));
    writeFileSync(join(folder, `${name}.jsonl`), rows.map((ids) => `${JSON.stringify({ input_ids: ids })}\n`).join(""));
  }
  return folder;
}

const ARGS = ["prune", "llama", "--general", "general.jsonl", "--sparsity", "0.5", "--out", "pruned"];

test.concurrent("a prune tells how good the model was and is", async (context) => {
  const folder = dataFolder(context);
  const { code, out, err } = await run(folder, ...ARGS, "--eval", "other.jsonl", "--eval-samples", "4");
  context.expect([code, err.includes("error")]).toEqual([0, false]);
  const number = String.raw`[\d.]+ ± [\d.]+`;
  context.expect(out).toMatch(/^measured +before +after$/m);
  const [, before, after] = out.match(new RegExp(`^other ppl +(${number}) +(${number})$`, "m")) ?? [];
  context.expect(out).not.toContain("Next, see how good it is");
  const { quality, measure } = JSON.parse(readFileSync(join(folder, "pruned/secateur.json"), "utf8"));
  context.expect(quality).toMatchObject([{ name: "other", sources: ["other.jsonl"], documents: 4 }]);
  context.expect(measure).toEqual({ evaluate: [{ name: "other", source: "other.jsonl" }], evaluateSamples: 4 });
  for (const [text, { perplexity }] of [
    [before, quality[0].before],
    [after, quality[0].after],
  ])
    context.expect(Number.parseFloat(text)).toBeCloseTo(perplexity, 0);
  // The page shows the same.
  const page = readFileSync(join(folder, "pruned/report.html"), "utf8");
  context.expect(page).toContain(String(before));
  context.expect(page).toContain(String(after));
  const evaluated = await run(folder, "eval", "pruned", "--data", "other.jsonl", "--samples", "4", "--json");
  context.expect(JSON.parse(evaluated.out).nll).toBeCloseTo(quality[0].after.nll, 6);
});

test.concurrent("a dry run says what would be measured on", async (context) => {
  const folder = dataFolder(context);
  const { code, out } = await run(folder, ...ARGS, "--eval", "text=other.jsonl", "--dry-run");
  context.expect(code).toBe(0);
  context.expect(out).toMatch(/^measured on +rows +from\ntext +8 +other\.jsonl$/m);
});

test.concurrent.for<[what: string, args: string[], message: string]>([
  [
    "rows that it is pruned with",
    ["--eval", "general.jsonl"],
    "general.jsonl, line 1: this row is calibration data of the role general too",
  ],
  [
    "how far without what",
    ["--eval-samples", "4"],
    "--eval-samples says how far a model is measured, and no data to measure it with is given: add --eval FILE",
  ],
  ["a file that is not there", ["--eval", "absent.jsonl"], "absent.jsonl"],
])("is refused: %s", async ([, args, message], context) => {
  const folder = dataFolder(context);
  const { code, err } = await run(folder, ...ARGS, ...args);
  context.expect(err).toContain(message);
  context.expect([code, existsSync(join(folder, "pruned")), existsSync(join(folder, "pruned.partial"))]).toEqual([2, false, false]);
});
