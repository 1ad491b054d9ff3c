import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "vitest";
import { run, workFolder } from "./run-cli.ts";

const DATA = ["--general", "llama/calibration.jsonl"];
const HALF = ["--sparsity", "0.5"];
const OUT = ["--out", "out"];
const HELP = "  --help shows what there is";

/** A folder with a model and with files that are wrong in all ways that the table names. */
function badFolder(context: TestContext): string {
  const folder = workFolder(context);
  writeFileSync(join(folder, "empty.txt"), "");
  writeFileSync(join(folder, "text.txt"), "some text\n");
  writeFileSync(join(folder, "broken.jsonl"), '{"text": "a"\n');
  writeFileSync(join(folder, "columns.jsonl"), '{"body": "x"}\n');
  writeFileSync(join(folder, "columns.csv"), "body,year\nx,1\n");
  writeFileSync(join(folder, "text.parquet"), "some text that is no table\n");
  writeFileSync(join(folder, "template.json"), '{"prompt": "{q}", "stopp": ["x"]}');
  mkdirSync(join(folder, "full"));
  writeFileSync(join(folder, "full", "weights.bin"), "x");
  return folder;
}

// Arguments → what standard error says. All end with exit code 2 and leave nothing behind.
const TABLE: readonly [args: readonly string[], message: string][] = [
  [["prune", "missing", ...DATA, ...HALF, ...OUT], "no model at missing: there is no such file or folder"],
  [["prune", "full", ...DATA, ...HALF, ...OUT], "full is no model of a format that is known (safetensors)"],
  [["prune", "llama", "--general", "missing.jsonl", ...HALF, ...OUT], "missing.jsonl: no such file"],
  [["prune", "llama", "--general", "empty.txt", ...HALF, ...OUT], "empty.txt: no document to calibrate with (0 rows, 0 of them empty)"],
  [
    ["prune", "llama", "--general", "broken.jsonl", ...HALF, ...OUT],
    'broken.jsonl, line 1: not JSON, an object on one line was wanted, found {"text": "a"',
  ],
  [
    ["prune", "llama", "--general", "columns.jsonl", ...HALF, ...OUT],
    'columns.jsonl, line 1: no shape of a row fits, the row has "body", the shapes are input_ids; messages; question + choices + answer; question + answer; prompt + choices + answer; prompt + answer; text',
  ],
  [
    ["prune", "llama", "--general", "notes.pdf", ...HALF, ...OUT],
    "no loader reads notes.pdf: the endings that are known are .csv, .json, .jsonl, .ndjson, .parquet, .tsv, .txt",
  ],
  [
    ["prune", "llama", ...DATA, "--task", "columns.csv", "--task-template", "gsm8k", ...HALF, ...OUT],
    'columns.csv, line 2: the template\'s column "question" is missing, the row has "body", "year"',
  ],
  [
    ["prune", "llama", ...DATA, "--task", "columns.csv", "--task-template", "mmul", ...HALF, ...OUT],
    'no task template is called "mmul": they are gsm8k, arc, mmlu, pubmedqa, mbpp, lambada, spider; did you mean "mmlu"? (a file\'s name ends in .json, a template text has {column} places)',
  ],
  [
    ["calibrate", "llama", "--general", "columns.csv", "--task-template", "template.json", "--out", "out.safetensors"],
    'template.json: the template: no key is called "stopp"; did you mean "stop"?',
  ],
  [
    ["eval", "llama", "--data", "columns.csv", "--task-template", "missing.json"],
    "no task template at missing.json: there is no such file",
  ],
  [
    ["eval", "llama", "--data", "text.parquet", "--task-template", "spider"],
    "text.parquet: not a Parquet file, or not a whole one (parquet file invalid (footer != PAR1))",
  ],
  [
    ["prune", "llama", "--general", "text.txt", ...HALF, ...OUT],
    "llama has no tokenizer.json: only rows of input_ids can be read without one",
  ],
  [
    ["prune", "llama", ...HALF, ...OUT],
    "no general text is given, and wanda with fusion general reads it: name a file with --general, such as --general c4.jsonl",
  ],
  [
    ["prune", "llama", ...DATA, ...HALF, ...OUT, "--scorer", "wandaa"],
    'no scorer is called "wandaa": the scorers are fisher, magnitude, obd, ria, sparsegpt, stade, wanda, wanda-plus; did you mean "wanda"? (no package @secateur/scorer-wandaa or secateur-scorer-wandaa is installed for FOLDER)',
  ],
  [
    ["prune", "llama", ...DATA, ...HALF, ...OUT, "--fusion", "maxx"],
    'no fuser is called "maxx": the fusers are general, geometric, max, mixture, rank, shared-exclusive, sum, task; did you mean "max"? (no package @secateur/fuser-maxx or secateur-fuser-maxx is installed for FOLDER)',
  ],
  [
    ["prune", "llama", ...DATA, ...HALF, ...OUT, "--backend", "gpu"],
    'no backend is called "gpu": the backends are onnxruntime, reference, tfjs (no package @secateur/backend-gpu or secateur-backend-gpu is installed for FOLDER)',
  ],
  [["prune", "llama", ...DATA, ...OUT], "how much to prune is not said: give --sparsity, such as 0.5, or --pattern, such as 2:4"],
  [["prune", "llama", ...DATA, ...HALF, "--pattern", "2:4", ...OUT], "--sparsity and --pattern exclude each other: give one"],
  [["prune", "llama", ...DATA, "--sparsity", "-0.1", ...OUT], "--sparsity -0.1: wanted a number above 0 and below 1, such as 0.5 for half"],
  [["prune", "llama", ...DATA, "--sparsity=-0.1", ...OUT], "--sparsity -0.1: wanted a number above 0 and below 1, such as 0.5 for half"],
  [
    ["prune", "llama", ...DATA, "--pattern", "2:5", ...OUT],
    "pattern 2:5 does not fit model.layers.0.self_attn.q_proj.weight: its 48 inputs are not a multiple of 5",
  ],
  [["prune", "llama", ...DATA, ...HALF], "--out is missing: name a folder for the pruned model, or give --dry-run to see the plan only"],
  [["prune", "llama", ...DATA, ...HALF, "--out", "full"], "--out full exists and is not empty: give another, or --force to replace it"],
  [["prune", "llama", ...DATA, ...HALF, "--out", "llama"], "--out llama is the model's own folder: give another"],
  [
    ["prune", "llama", ...DATA, ...HALF, ...OUT, "--include", "nothing.*"],
    '--include "nothing.*" matches no tensor of the model; tensors are called like model.layers.0.self_attn.q_proj.weight',
  ],
  [
    ["prune", "llama", ...DATA, ...HALF, ...OUT, "--include", "lm_head.weight"],
    '--include "lm_head.weight" names lm_head.weight: the output head is tied to the embedding, and the embedding is not pruned',
  ],
  [["prune", "llama", ...DATA, ...HALF, ...OUT, "--scorer-option", "exact"], "--scorer-option exact: wanted KEY=VALUE"],
  [
    ["prune", "llama", ...DATA, ...HALF, ...OUT, "--scorer-option", "exact=1"],
    'scorer "wanda": no option is called "exact"; it has no options',
  ],
  [["prune", "llama", ...DATA, ...HALF, ...OUT, "--seq-len", "999"], "--seq-len 999 is longer than the model's 128 positions"],
  [["prune", "llama", ...DATA, ...HALF, ...OUT, "--sparcity", "1"], `unknown option '--sparcity'\n  (Did you mean --sparsity?)\n${HELP}`],
  [["prune"], `missing required argument 'model'\n${HELP}`],
  [["eval", "llama"], `required option '--data <file>' not specified\n${HELP}`],
  [["eval", "llama", "--data", "missing.txt"], "missing.txt: no such file"],
  [["eval", "llama", "--data", "llama/task-a.jsonl", "--metric", "bleu"], "--metric bleu: wanted perplexity, answers or choices"],
  [
    ["eval", "llama", "--data", "llama/task-a.jsonl", "--metric", "answers"],
    "llama/task-a.jsonl, line 1: the metric answers reads rows of answer or messages, all of one kind; this one is of ids",
  ],
  [["inspect", "nowhere"], "no model at nowhere: there is no such file or folder"],
  [["prunes"], `unknown command 'prunes'\n  (Did you mean prune?)\n${HELP}`],
];

describe.concurrent("bad input is exit code 2, one clear message, and no output", () => {
  for (const [args, message] of TABLE) {
    test(`secateur ${args.join(" ")}`, async (context) => {
      const folder = badFolder(context);
      const before = readdirSync(folder);
      const { code, out, err } = await run(folder, ...args);
      context.expect({ code, out, err: err.replaceAll(folder, "FOLDER") }).toEqual({ code: 2, out: "", err: `error: ${message}\n` });
      context.expect(readdirSync(folder)).toEqual(before);
    });
  }
});
