import { formatFor } from "@secateur/kit/node";
import { type ComparedRow, type Comparison, compare, makeComparison, parseRecipe, planCompare, writeWhole } from "@secateur/pipeline";
import { builtIns, openBackend } from "../wiring.ts";
import type { CompareOutcome, CompareRequest, JobContext } from "./messages.ts";
import { resolveParts } from "./run-prune.ts";

/** Plans a comparison and, unless it is a dry run, carries it out. */
export async function runCompare(request: CompareRequest, { emit, signal }: JobContext<"compare">): Promise<CompareOutcome> {
  const { input, out, force, restart, dryRun, version, memoryBytes } = request;
  const { backend: name, backendOptions } = parseRecipe(input.recipe);
  const { registry, formats, loaders, statisticsFiles: files } = builtIns();
  const format = await formatFor(formats, input.recipe.model);
  const backend = await openBackend(registry, name, backendOptions);
  try {
    const { preferredTokens } = backend;
    const resolve: Parameters<typeof planCompare>[1]["resolve"] = (recipe) => resolveParts(recipe, builtIns());
    const plan = await planCompare(
      input,
      { format, loaders, preferredTokens, memoryBytes, resolve },
      out === undefined ? undefined : { path: out, force },
    );
    try {
      if (dryRun) return { plan: plan.summary, backend: backend.description };
      for (const message of plan.summary.warnings) emit({ type: "warning", message });
      const work = `${out ?? "secateur-compare"}.work`;
      emit({ type: "partial", folder: work });
      const made = (rows: readonly ComparedRow[]): Promise<Comparison> =>
        makeComparison(plan, { version, backend: backend.description, rows });
      const keep = async (rows: readonly ComparedRow[]): Promise<void> => {
        if (out !== undefined) await writeWhole(out, await fileText(out, await made(rows)));
      };
      return made(await compare(plan, { work, restart, files, backend, emit, signal, keep, version }));
    } finally {
      await plan.close();
    }
  } finally {
    await backend.dispose();
  }
}

/** What goes into a file of results, by its name's ending. */
async function fileText(out: string, comparison: Comparison): Promise<string> {
  if (/\.html$/i.test(out)) return (await import("@secateur/report")).compareReport(comparison);
  return `${JSON.stringify(comparison, null, 2)}\n`;
}
