import { type DemoResult, runDemo as run } from "../demo/run.ts";
import { builtIns, openBackend } from "../wiring.ts";
import type { DemoRequest, JobContext } from "./messages.ts";

/** Runs the demo on the backend that is asked for. */
export async function runDemo(request: DemoRequest, { emit, signal }: JobContext<"demo">): Promise<DemoResult> {
  const backend = await openBackend(builtIns().registry, request.backend, request.backendOptions);
  try {
    return await run(request, backend, (message) => emit({ type: "step", message }), signal);
  } finally {
    await backend.dispose();
  }
}
