import { formatFor } from "@secateur/kit/node";
import { parseRecipe, sweep } from "@secateur/pipeline";
import { builtIns, openBackend } from "../wiring.ts";
import type { JobContext, SweepOutcome, SweepRequest } from "./messages.ts";
import { resolveParts } from "./run-prune.ts";

/** Prunes and measures every setting of a sweep. */
export async function runSweep(request: SweepRequest, { emit, signal }: JobContext<"sweep">): Promise<SweepOutcome> {
  const { grid, measure, out, force, version } = request;
  const { backend: name, backendOptions } = parseRecipe({ ...grid.recipe, sparsity: 0.5 });
  const { registry, formats, loaders } = builtIns();
  const format = await formatFor(formats, grid.recipe.model);
  const backend = await openBackend(registry, name, backendOptions);
  try {
    const rows = await sweep(grid, {
      out,
      force,
      format,
      backend,
      version,
      signal,
      measure,
      loaders,
      resolve: async (recipe) => ({ ...(await resolveParts(recipe, builtIns())), preferredTokens: backend.preferredTokens }),
      onMeasure: (data, share) => emit({ type: "share", label: `measuring on ${data}`, share }),
      onRow: (row, done, total) => emit({ type: "row", row, done, total }),
    });
    return { rows, backend: backend.description };
  } finally {
    await backend.dispose();
  }
}
