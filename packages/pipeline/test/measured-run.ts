import { readFileSync } from "node:fs";
import { createOnnxRuntimeBackend } from "@secateur/backend-onnxruntime";
import { run } from "./run.ts";

// Prunes, and prints the peak of this process's memory in KiB.
const { recipe, out } = JSON.parse(process.argv[2] as string);
const backend = await createOnnxRuntimeBackend({ provider: "cpu", threads: 2 });
await run(recipe, out, backend);
await backend.dispose();
process.stdout.write(String(process.platform === "linux" ? highWater() : process.resourceUsage().maxRSS));

/** On Linux a new process's maxRSS begins with that of the process that started it; this figure is its own. */
function highWater(): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
}
