import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { loadOnnxRuntime } from "../../src/index.ts";
import { product } from "../models.ts";

// Both interfaces to the one library, in turn, here and in three workers at once; prints how many products were right.

const ROUNDS = 20;

async function compute(): Promise<number> {
  const ort = loadOnnxRuntime();
  let right = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const own = await ort.createSession(product());
    const other = await InferenceSession.create(product());
    const [a, b] = [Float32Array.of(round, 1, 2, 3), Float32Array.of(1, 2, 3, 4)];
    const wanted = [round + 3, 2 * round + 4, 2 + 9, 4 + 12].join(" ");
    const [x, w] = [ort.tensor("float32", a, [2, 2]), ort.tensor("float32", b, [2, 2])];
    const [mine, theirs] = await Promise.all([
      own.run({ a: x, b: w }),
      other.run({ a: new Tensor("float32", a, [2, 2]), b: new Tensor("float32", b, [2, 2]) }),
    ]);
    if (mine.y?.data.join(" ") === wanted) right++;
    if (String(theirs.y?.data).replaceAll(",", " ") === wanted) right++;
    own.release();
    await other.release();
  }
  return right;
}

if (isMainThread) {
  const workers = [1, 2, 3].map(
    () =>
      new Promise<number>((resolve, reject) => {
        const worker = new Worker(new URL("./worker.mjs", import.meta.url), { workerData: import.meta.url });
        worker.on("message", resolve);
        worker.on("error", reject);
      }),
  );
  const main = await compute();
  process.stdout.write(`main ${main} of ${2 * ROUNDS}, workers ${(await Promise.all(workers)).join(" ")} of ${2 * ROUNDS}\n`);
} else parentPort?.postMessage(await compute());
