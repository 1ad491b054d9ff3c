import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SMOLLM2, writeRandomModel } from "./bench/random-model.ts";
import { measureThroughput } from "./bench/throughput.ts";
import { measureWholeRun } from "./bench/whole-run.ts";

// Prints the figures that the project holds itself to, as ratios of things measured in one run: machines differ and are noisy.
// The model has SmolLM2-135M's sizes and random weights; each of two roles has 64 sequences of 512 tokens.

const ROWS = 64;
const TOKENS = 512;
const MIB = 2 ** 20;

const folder = await mkdtemp(join(tmpdir(), "secateur-bench-"));
try {
  const model = join(folder, "smollm2");
  await writeRandomModel(model, SMOLLM2, { count: ROWS, tokens: TOKENS });

  const { matmul, calibration, ratio } = await measureThroughput(model, 16, TOKENS);
  line(
    "calibration forward ÷ bare MatMul of the block's main shape",
    ratio,
    "≥ 0.80",
    `${calibration.toFixed(0)} and ${matmul.toFixed(0)} GFLOP/s`,
  );

  const whole = await measureWholeRun(model, join(folder, "out"), ROWS, TOKENS);
  const { calibrate = 0, propagate = 0, prune = 0, write = 0 } = whole.milliseconds;
  line(
    "scoring + masking + writing ÷ calibration",
    (prune + write) / (calibrate + propagate),
    "≤ 0.10",
    `${seconds(prune + write)} and ${seconds(calibrate + propagate)}`,
  );
  line("peak memory of prune ÷ 1 GiB", whole.peakMemoryBytes / (1024 * MIB), "≤ 1.00", `${(whole.peakMemoryBytes / MIB).toFixed(0)} MiB`);

  const [few, many] = [await ofDepth(6), await ofDepth(12)];
  line("peak memory with 12 blocks ÷ with 6", many / few, "≈ 1", `${(many / MIB).toFixed(0)} and ${(few / MIB).toFixed(0)} MiB`);
} finally {
  await rm(folder, { recursive: true });
}

/** The peak memory of a run on the same model with another number of blocks. */
async function ofDepth(blocks: number): Promise<number> {
  const model = join(folder, `depth-${blocks}`);
  await writeRandomModel(model, { ...SMOLLM2, num_hidden_layers: blocks }, { count: ROWS, tokens: TOKENS });
  return (await measureWholeRun(model, join(folder, "out"), ROWS, TOKENS)).peakMemoryBytes;
}

function line(name: string, ratio: number, wanted: string, figures: string): void {
  console.log(`${ratio.toFixed(3).padStart(6)}  ${wanted.padEnd(7)} ${name} (${figures})`);
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
