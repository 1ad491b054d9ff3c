import { isMainThread, Worker } from "node:worker_threads";
import { loadOnnxRuntime } from "../../src/index.ts";
import { product } from "../models.ts";

// One product, printed: in this thread, or in a worker when the first argument says so.

if (isMainThread && process.argv[2] === "worker")
  new Worker(new URL("./worker.mjs", import.meta.url), { workerData: import.meta.url, argv: [] });
else {
  if (process.env.ORT_DISABLE_TELEMETRY === "") delete process.env.ORT_DISABLE_TELEMETRY;
  const ort = loadOnnxRuntime();
  const session = await ort.createSession(product());
  const a = ort.tensor("float32", Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
  const b = ort.tensor("float32", Float32Array.of(1, 0, 0, 1, 1, 1), [3, 2]);
  const { y } = await session.run({ a, b });
  session.release();
  process.stdout.write(`${y?.data.join(" ")}\n`);
}
