import { formatFor } from "@secateur/kit/node";
import { calibrate, parseCalibration, planCalibration } from "@secateur/pipeline";
import { builtIns, openBackend } from "../wiring.ts";
import type { CalibrateOutcome, CalibrateRequest, JobContext } from "./messages.ts";

/** Plans a calibration and, unless it is a dry run, carries it out. */
export async function runCalibrate(request: CalibrateRequest, { emit, signal }: JobContext<"calibrate">): Promise<CalibrateOutcome> {
  const recipe = parseCalibration(request.recipe);
  const { registry, formats, loaders, statisticsFiles: files } = builtIns();
  const format = await formatFor(formats, recipe.model);
  const backend = await openBackend(registry, recipe.backend, recipe.backendOptions);
  try {
    const { out, force, memoryBytes, version, dryRun } = request;
    const { preferredTokens } = backend;
    const place = out === undefined ? undefined : { path: out, force };
    const plan = await planCalibration(recipe, { format, loaders, preferredTokens, memoryBytes }, place);
    try {
      if (dryRun || out === undefined) return { plan: plan.summary, backend: backend.description, written: false };
      await calibrate(plan, { out, files, backend, emit, signal, version });
      return { plan: plan.summary, backend: backend.description, written: true };
    } finally {
      await plan.close();
    }
  } finally {
    await backend.dispose();
  }
}
