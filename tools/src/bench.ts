import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measureBackward } from "./bench/backward.ts";
import { measureDecoding } from "./bench/decoding.ts";
import { measureCholesky, measureGram, type Share } from "./bench/products.ts";
import { bf16Provider, measureProvider } from "./bench/providers.ts";
import { SMOLLM2, writeRandomModel } from "./bench/random-model.ts";
import { measureSelection } from "./bench/selection.ts";
import { measureServer } from "./bench/server.ts";
import { measureStartup } from "./bench/startup.ts";
import { measureThroughput } from "./bench/throughput.ts";
import { dataOf, measureWholeRun, timeCommand, total, type WholeRun } from "./bench/whole-run.ts";

// Prints the figures that the project holds itself to, as ratios of things measured in one run: machines differ and are noisy.
// The model has SmolLM2-135M's sizes and random weights; each of two roles has 64 sequences of 512 tokens.

const ROWS = 64;
const TOKENS = 512;
const MIB = 2 ** 20;
const CPU = ["--backend-option", "provider=cpu"];

// Parts may be named, such as `pnpm bench gradients`; all are run when none is.
const PARTS = { startup, products, whole, statistics, comparison, decoding, gradients, modes, server };
const asked = process.argv.slice(2);
const unknown = asked.find((name) => !Object.hasOwn(PARTS, name));
if (unknown !== undefined) throw new Error(`the bench has no part ${unknown}; its parts are ${Object.keys(PARTS).join(", ")}`);

const folder = await mkdtemp(join(tmpdir(), "secateur-bench-"));
const model = join(folder, "smollm2");
const out = join(folder, "out");
const stats = join(folder, "stats.safetensors");
try {
  await writeRandomModel(model, SMOLLM2, { count: ROWS, tokens: TOKENS });
  for (const [name, run] of Object.entries(PARTS)) if (asked.length === 0 || asked.includes(name)) await run();
} finally {
  await rm(folder, { recursive: true });
}

async function server(): Promise<void> {
  const { p99, max, events } = await measureServer(folder, model, { readers: 200, jobs: 50 });
  const facts = `p99 ${p99.toFixed(1)} ms, longest ${max.toFixed(0)} ms, ${events} events read`;
  line("delay of the server's event loop with 200 readers and 50 jobs ÷ 50 ms", p99 / 50, "≤ 1.00", facts);
}

async function startup(): Promise<void> {
  const { help, nothing } = await measureStartup();
  line("secateur --help ÷ node -e 0", help / nothing, "≤ 3.00", `${help.toFixed(0)} and ${nothing.toFixed(0)} ms`);
}

async function products(): Promise<void> {
  const { matmul, calibration, ratio } = await measureThroughput(model, 16, TOKENS);
  line(
    "calibration forward ÷ bare MatMul of the block's main shape",
    ratio,
    "≥ 0.80",
    `${calibration.toFixed(0)} and ${matmul.toFixed(0)} GFLOP/s`,
  );

  for (const channels of [576, 1536]) {
    const gram = await measureGram(channels);
    line(`Gram product of ${channels} channels ÷ MatMul of its sizes`, gram.ratio, "≥ 0.80", speeds(gram));
  }
  for (const n of [576, 1536, 4096]) {
    const cholesky = await measureCholesky(n);
    line(`Cholesky factor of the inverse, n = ${n}, ÷ MatMul of its size`, cholesky.ratio, "", speeds(cholesky));
  }
  const chosen = measureSelection(SMOLLM2.hidden_size as number);
  line("selection of the lowest half of rows ÷ 100 M weights a second a core", chosen / 1e8, "≥ 1.00", `${(chosen / 1e6).toFixed(0)} M/s`);
}

async function whole(): Promise<void> {
  const onCpu = await measureWholeRun(model, out, TOKENS, "cpu");
  const { calibrate = 0, propagate = 0, prune = 0, write = 0 } = onCpu.milliseconds;
  line(
    "scoring + masking + writing ÷ calibration",
    (prune + write) / (calibrate + propagate),
    "≤ 0.10",
    `${seconds(prune + write)} and ${seconds(calibrate + propagate)}`,
  );
  line("peak memory of prune ÷ 1 GiB", onCpu.peakMemoryBytes / (1024 * MIB), "≤ 1.00", `${(onCpu.peakMemoryBytes / MIB).toFixed(0)} MiB`);

  const added = await bf16Provider();
  if ("name" in added) {
    const { name } = added;
    const block = await measureProvider(model, name, 16, TOKENS);
    line(`block on ${name} in bf16 ÷ on cpu`, block.ratio, "≥ 2.20", `${block.provider.toFixed(0)} and ${block.cpu.toFixed(0)} GFLOP/s`);
    const fast = await measureWholeRun(model, out, TOKENS, name);
    line(
      `whole prune on cpu ÷ on ${name} in bf16`,
      total(onCpu) / total(fast),
      "≥ 1.80",
      `${seconds(total(onCpu))} and ${seconds(total(fast))}`,
    );
  } else console.log(`   —            what computes in bf16: ${added.reason}`);
}

async function statistics(): Promise<void> {
  const collecting = await timeCommand("calibrate", model, ...dataOf(model, TOKENS), "--out", stats, ...CPU);
  const reading = await timeCommand("prune", model, "--stats", stats, "--sparsity", "0.5", "--out", out, ...CPU);
  await rm(out, { recursive: true });
  line(
    "prune --stats ÷ the calibrate that collects them",
    reading / collecting,
    "≤ 0.10",
    `${seconds(reading)} and ${seconds(collecting)}`,
  );
}

async function comparison(): Promise<void> {
  const roles = ["general", "task"];
  const measured = roles.flatMap((role) => ["--eval", `${role}=${join(model, `${role}.eval.jsonl`)}`]);
  const all = await timeCommand("compare", model, ...dataOf(model, TOKENS), ...measured, "--sparsity", "0.5", ...CPU);
  const once = await timeCommand("calibrate", model, ...dataOf(model, TOKENS), "--out", stats, "--force", ...CPU);
  let evaluation = 0;
  for (const role of roles) {
    const data = ["--data", join(model, `${role}.eval.jsonl`), "--seq-len", String(TOKENS)];
    evaluation += await timeCommand("eval", model, ...data, ...CPU);
  }
  line(
    "compare of eight models ÷ one calibration and eight evaluations",
    all / (once + 8 * evaluation),
    "≤ 1.00",
    `${seconds(all)}, and ${seconds(once)} + 8 × ${seconds(evaluation)}`,
  );
}

async function decoding(): Promise<void> {
  const { wholePasses, onePrompt, manyPrompts, sharedPrompts, apart } = await measureDecoding(model);
  const rate = (tokens: number): string => `${tokens.toFixed(2)}`;
  line(
    "decoding with a cache ÷ by whole passes",
    onePrompt / wholePasses,
    "≥ 10.0",
    `${rate(onePrompt)} and ${rate(wholePasses)} tokens/s`,
  );
  line("decoding 32 prompts at once ÷ one", manyPrompts / onePrompt, "≥ 5.00", `${rate(manyPrompts)} and ${rate(onePrompt)} tokens/s`);
  line("choices of 16 shared prompts ÷ nothing shared", sharedPrompts / apart, "≤ 0.60", `${seconds(sharedPrompts)} and ${seconds(apart)}`);
}

async function gradients(): Promise<void> {
  line("backward pass of a block ÷ forward", await measureBackward(model, 16, TOKENS), "≤ 2.50", "both in turn");
  const general = [
    "--general",
    join(model, "general.jsonl"),
    "--seq-len",
    String(TOKENS),
    "--memory",
    "512MiB",
    "--force",
    "--out",
    stats,
    ...CPU,
  ];
  const norms = await timeCommand("calibrate", model, ...general);
  const ofLoss = await timeCommand("calibrate", model, ...general, "--gradients");
  const diagonals = await timeCommand("calibrate", model, ...general, "--fisher");
  line("calibrate --gradients ÷ without, one role", ofLoss / norms, "≤ 3.50", `${seconds(ofLoss)} and ${seconds(norms)}`);
  line("calibrate --fisher ÷ without, one role", diagonals / norms, "≤ 3.50", `${seconds(diagonals)} and ${seconds(norms)}`);
  const byLoss = await measureWholeRun(model, out, TOKENS, "cpu", "--scorer", "obd", "--memory", "512MiB");
  line(
    "peak memory of prune --scorer obd ÷ 1.5 GiB",
    byLoss.peakMemoryBytes / (1536 * MIB),
    "≤ 1.00",
    `${(byLoss.peakMemoryBytes / MIB).toFixed(0)} MiB`,
  );
}

async function modes(): Promise<void> {
  // Runs on fewer blocks, in turn; what is compared does not depend on their number.
  const [few, many] = [await ofDepth(6), await ofDepth(12)];
  const memory = [many, few].map((run) => run.peakMemoryBytes);
  line(
    "peak memory with 12 blocks ÷ with 6",
    (memory[0] ?? 0) / (memory[1] ?? 1),
    "≈ 1",
    memory.map((bytes) => `${(bytes / MIB).toFixed(0)} MiB`).join(" and "),
  );
  const linear = await ofDepth(12, "--propagate", "linear");
  line(
    "prune in mode linear ÷ block, Wanda",
    total(linear) / total(many),
    "≤ 0.65",
    `${seconds(total(linear))} and ${seconds(total(many))}`,
  );
  const solved = await ofDepth(12, "--scorer", "sparsegpt");
  const { calibrate: forwards = 0, propagate: moves = 0, prune: solve = 0 } = solved.milliseconds;
  line(
    "SparseGPT's solve ÷ forwards and Gram products",
    solve / (forwards + moves),
    "≤ 0.35",
    `${seconds(solve)} and ${seconds(forwards + moves)}`,
  );
  const solvedLinear = await ofDepth(12, "--scorer", "sparsegpt", "--propagate", "linear");
  line(
    "prune in mode linear ÷ block, SparseGPT",
    total(solvedLinear) / total(solved),
    "≤ 0.75",
    `${seconds(total(solvedLinear))} and ${seconds(total(solved))}`,
  );
}

/** A run on the same model with another number of blocks. */
async function ofDepth(blocks: number, ...settings: string[]): Promise<WholeRun> {
  const model = join(folder, `depth-${blocks}`);
  await writeRandomModel(model, { ...SMOLLM2, num_hidden_layers: blocks }, { count: ROWS, tokens: TOKENS });
  return measureWholeRun(model, join(folder, "out"), TOKENS, "cpu", ...settings);
}

function speeds({ speed, matmul }: Share): string {
  return `${speed.toFixed(0)} and ${matmul.toFixed(0)} GFLOP/s`;
}

function line(name: string, ratio: number, wanted: string, figures: string): void {
  console.log(`${ratio.toFixed(3).padStart(6)}  ${wanted.padEnd(7)} ${name} (${figures})`);
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
