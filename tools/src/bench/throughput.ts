import { createOnnxRuntimeBackend } from "@secateur/backend-onnxruntime";
import { safetensors } from "@secateur/format-safetensors";
import { costOf, programBuilder } from "@secateur/graph";
import { type Backend, inputNorm } from "@secateur/kit";
import { describeModel } from "@secateur/models";
import { collect, createEngine, embed, loadWeights } from "@secateur/runner";
import { f32 } from "@secateur/tensor";
import { median } from "./figures.ts";

/** Floating-point operations a second, in units of 10⁹, of two things measured in turn, and the median of their ratios round by round. */
export interface Throughput {
  readonly matmul: number;
  readonly calibration: number;
  readonly ratio: number;
}

const ROUNDS = 7;
const HEIGHTS = [512, 1024, 2048];

/** A block's calibration forward (statistics at every tap, hidden states moved on) against the bare matrix product of its main shape, on one backend. */
export async function measureThroughput(folder: string, rows: number, tokens: number): Promise<Throughput> {
  const backend = await createOnnxRuntimeBackend({ provider: "cpu" });
  const model = await safetensors.open(folder);
  const description = describeModel(model);
  const engine = createEngine(model, description, backend);
  const [block] = description.blocks;
  if (!block) throw new Error("the model has no block");

  const ids = Int32Array.from({ length: tokens }, (_, i) => (i * 7919) % description.vocabulary);
  const sequences = Array.from({ length: rows }, () => ({ ids, weights: new Float32Array(tokens).fill(1) }));
  const stream = await embed(model, description, sequences, backend.preferredTokens);
  const weights = await loadWeights(engine, block.program, block.prefix);
  const linears = new Set(block.program.taps.flatMap((tap) => tap.linears.map(({ weight }) => weight)));
  const blockFlops = costOf(block.program, { batch: rows, tokens }).flops;
  const calibrate = (): Promise<unknown> => collect(engine, block, weights, stream, { needs: [inputNorm], linears, advance: true });

  const { hidden = 0, ffn = 0 } = block.program.axes;
  const products = await Promise.all(HEIGHTS.map((m) => bareProduct(backend, m, hidden, ffn, blockFlops)));

  const rounds: { matmul: number; calibration: number }[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    // The block is held to the product at its best: how many rows suit it differs between machines.
    const speeds: number[] = [];
    for (const { flops, run } of products) speeds.push(flops / (await nanoseconds(run)));
    const calibration = blockFlops / (await nanoseconds(calibrate));
    if (round > 0) rounds.push({ matmul: Math.max(...speeds), calibration }); // the first round warms up
  }
  await engine.release();
  await backend.dispose();
  await model.close();
  return {
    matmul: median(rounds.map(({ matmul }) => matmul)),
    calibration: median(rounds.map(({ calibration }) => calibration)),
    ratio: median(rounds.map(({ matmul, calibration }) => calibration / matmul)),
  };
}

/** A product (m, k) · (k, n) run so often that it does about as much work as is asked for. */
export async function bareProduct(
  backend: Backend,
  m: number,
  k: number,
  n: number,
  work: number,
): Promise<{ flops: number; run: () => Promise<void> }> {
  const b = programBuilder({});
  const product = await backend.compile(b.build({ y: b.matmul(b.input("x", ["m", "k"]), b.input("w", ["k", "n"])) }));
  const [x, w, y] = [backend.upload(f32([m, k])), backend.upload(f32([k, n])), backend.upload(f32([m, n]))];
  const repeats = Math.ceil(work / (2 * m * k * n));
  const run = async (): Promise<void> => {
    for (let i = 0; i < repeats; i++) await backend.run(product, { x, w }, { y });
  };
  return { flops: repeats * 2 * m * k * n, run };
}

/** How long something takes. */
export async function nanoseconds(work: () => Promise<unknown>): Promise<number> {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start);
}
