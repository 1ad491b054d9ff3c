import { formatFor } from "@secateur/kit/node";
import { type EvaluationSource, parseRecipe, sweep } from "@secateur/pipeline";
import { builtIns, openBackend } from "../wiring.ts";
import type { JobContext, SweepOutcome, SweepRequest } from "./messages.ts";
import { measureModel } from "./run-eval.ts";
import { resolveParts } from "./run-prune.ts";

/** Prunes and measures every setting of a sweep. */
export async function runSweep(request: SweepRequest, { emit, signal }: JobContext<"sweep">): Promise<SweepOutcome> {
  const { grid, data, seqLen, samples, maxTokens, out, force, version } = request;
  const { backend: name, backendOptions } = parseRecipe({ ...grid.recipe, sparsity: 0.5 });
  const { registry, formats } = builtIns();
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
      data: data.map(({ name, ...read }) => ({ name, settings: { ...read, seqLen, samples, maxTokens } })),
      resolve: async (recipe) => ({ ...(await resolveParts(recipe, builtIns())), preferredTokens: backend.preferredTokens }),
      measure: (model, of) => {
        const at = data.findIndex((one) => one.name === of);
        const { source, fields = {}, template } = data[at] as EvaluationSource; // the sweep asks for what it was given
        const asked = { data: source, fields, template, metric: undefined, seqLen, samples, maxTokens };
        return measureModel(backend, model, asked, {
          signal,
          emit: ({ share }) => emit({ type: "share", label: `measuring on ${of}`, share: (at + share) / data.length }),
        });
      },
      onRow: (row, done, total) => emit({ type: "row", row, done, total }),
    });
    return { rows, backend: backend.description };
  } finally {
    await backend.dispose();
  }
}
