import { loadOnnxRuntime } from "../../src/index.ts";
import { product } from "../models.ts";

// By how many MiB the process grows over 200 sessions, and over 2000 runs of one, after as many of each.

const ort = loadOnnxRuntime();
const data = (): Float32Array => new Float32Array(128 * 128).fill(1);
const tensor = (): ReturnType<typeof ort.tensor<"float32">> => ort.tensor("float32", data(), [128, 128]);

async function sessions(count: number): Promise<void> {
  for (let i = 0; i < count; i++) (await ort.createSession(product())).release();
}

const session = await ort.createSession(product());
async function runs(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const [a, b] = [tensor(), tensor()];
    const { y } = await session.run({ a, b });
    for (const used of [a, b, y]) used?.release();
  }
}

async function growth(work: (count: number) => Promise<void>, count: number): Promise<number> {
  await work(count); // pools and compiled code settle
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  await work(count);
  globalThis.gc?.();
  return (process.memoryUsage.rss() - before) / 2 ** 20;
}

const found = { sessions: await growth(sessions, 200), runs: await growth(runs, 2000) };
process.stdout.write(JSON.stringify(found));
