import { type DemoResult, runDemo as run } from "../demo/run.ts";
import { builtIns, openBackend } from "../wiring.ts";
import type { DemoRequest, JobContext } from "./messages.ts";

/** Runs the demo on the default backend. */
export async function runDemo({ folder, version }: DemoRequest, { emit, signal }: JobContext<"demo">): Promise<DemoResult> {
  const backend = await openBackend(builtIns().registry, "onnxruntime", {});
  try {
    return await run(folder, backend, version, (message) => emit({ type: "step", message }), signal);
  } finally {
    await backend.dispose();
  }
}
