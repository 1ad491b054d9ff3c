import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Study, studiesOf } from "./study/plan.ts";
import { linesOf, type StudyLine, summaryOf } from "./study/results.ts";

// Finds which rule lies beyond the mixtures' frontier most often: `pnpm study MODEL --out study.jsonl [--methods wanda,fisher] [--tasks gsm8k,mbpp]
// [--amounts 0.5] [--rules max,sum] [--read dev|test]`. Every task with every method and amount is one `secateur compare`; a line a model goes to the file, and what is in it
// is not done again. Options are chosen on rows of the training files that are held out (`dev`); the test files are read once, for what has been chosen.

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: "string", default: "study.jsonl" },
    data: { type: "string", default: join(process.env.SECATEUR_SHARED ?? "../shared", "data") },
    methods: { type: "string", default: "wanda" },
    tasks: { type: "string", default: "gsm8k,arc-easy,mbpp,pubmedqa,spider" },
    amounts: { type: "string", default: "0.5" },
    rules: { type: "string" },
    read: { type: "string", default: "dev" },
    samples: { type: "string", default: "64" },
    "eval-samples": { type: "string", default: "64" },
  },
});
const [model] = positionals;
if (model === undefined || (values.read !== "dev" && values.read !== "test"))
  throw new Error("usage: pnpm study MODEL [--out FILE] [--methods …] [--tasks …] [--amounts …] [--rules …] [--read dev|test]");
const list = (text: string): string[] => text.split(",");

const command = fileURLToPath(new URL("../../apps/cli/dist/bin.js", import.meta.url));
const lines = await knownLines(values.out);
const folder = `${values.out}.compare`;
await mkdir(folder, { recursive: true });
const grid = { tasks: list(values.tasks), methods: list(values.methods), amounts: list(values.amounts), rules: values.rules };
for (const study of studiesOf(grid, resolve(values.data), values.read)) {
  if (lines.some(({ study: name }) => name === study.name)) continue;
  console.log(study.name);
  const document = await compared(study, join(folder, `${study.name.replaceAll(/[^\w.-]/g, "_")}.json`));
  lines.push(...linesOf(study, document));
  await writeFile(values.out, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}
await rm(folder, { recursive: true });
console.log(summaryOf(lines));

async function knownLines(path: string): Promise<StudyLine[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as StudyLine); // written above
}

/** One comparison, which goes on where an earlier one was stopped. */
async function compared(study: Study, out: string): Promise<string> {
  const sizes = ["--samples", values.samples, "--seq-len", "512", "--pack", "--shuffle"];
  // By the loss alone: of a model of this size hardly an answer is right, so it says more than exact matches, for a small part of the time.
  const read = ["--eval-samples", values["eval-samples"], "--eval-seq-len", "256", "--max-tokens", "0"];
  const args = ["compare", model as string, ...study.args, ...sizes, ...read, "--out", out, "--force"];
  const child = spawn(process.execPath, [command, ...args], { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`secateur ${args.join(" ")} ended with ${code}`);
  return readFile(out, "utf8");
}
