import { type DemoResult, runDemo as run } from "../demo/run.ts";
import { builtIns, openBackend } from "../wiring.ts";
import type { DemoRequest, JobContext } from "./messages.ts";

/** Runs the demo where it gives the same figures on every machine of a kind. */
export async function runDemo({ folder, version }: DemoRequest, { emit, signal }: JobContext<"demo">): Promise<DemoResult> {
  const backend = await openBackend(builtIns().registry, "onnxruntime", { provider: "cpu" });
  try {
    return await run(folder, backend, version, (message) => emit({ type: "step", message }), signal);
  } finally {
    await backend.dispose();
  }
}
