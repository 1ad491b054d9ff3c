import { SecateurError, type Solver } from "@secateur/kit";
import { formatFor, makeFrom, pluginHash, type Registry, resolvePlugin } from "@secateur/kit/node";
import {
  fusionOf,
  type Manifest,
  type Parts,
  type Plan,
  parseRecipe,
  partialFolder,
  planPrune,
  prune,
  type Recipe,
} from "@secateur/pipeline";
import { type BuiltIns, builtIns, openBackend } from "../wiring.ts";
import type { JobContext, PruneOutcome, PruneRequest } from "./messages.ts";

/** Plans a prune and, unless it is a dry run, carries it out. */
export async function runPrune(request: PruneRequest, context: JobContext<"prune">): Promise<PruneOutcome> {
  const recipe = parseRecipe(request.recipe);
  const parts = await resolveParts(recipe, builtIns());
  const backend = await openBackend(builtIns().registry, recipe.backend, recipe.backendOptions);
  try {
    const out = request.out === undefined ? undefined : { path: request.out, force: request.force };
    const plan = await planPrune(
      recipe,
      { ...parts, preferredTokens: backend.preferredTokens, memoryBytes: request.memoryBytes },
      out,
      request.measure,
    );
    try {
      if (request.dryRun || request.out === undefined) return { plan: plan.summary, backend: backend.description };
      return await carryOut(plan, request.out);
    } finally {
      await plan.close();
    }
  } finally {
    await backend.dispose();
  }

  async function carryOut(plan: Plan, out: string): Promise<PruneOutcome> {
    const { restart, version } = request;
    const { emit, signal } = context;
    emit({ type: "partial", folder: partialFolder(out) });
    // What draws is loaded once there is something to draw.
    const report = async (manifest: Manifest): Promise<string> => (await import("@secateur/report")).pruneReport(manifest);
    const manifest = await prune(plan, { out, format: parts.format, backend, restart, report, version, emit, signal });
    const { sparsity, bytes, statistics, quality } = manifest;
    return { plan: plan.summary, backend: backend.description, statistics, sparsity, bytes, quality };
  }
}

/** What a recipe's names stand for, found from the user's directory. */
export async function resolveParts(
  recipe: Recipe,
  { registry, formats, loaders, statisticsFiles }: BuiltIns,
): Promise<Omit<Parts, "preferredTokens">> {
  const from = process.cwd();
  const scorer = await resolvePlugin(registry, "scorer", recipe.scorer, { from });
  const fusion = fusionOf(recipe, scorer);
  const fuser = await resolvePlugin(registry, "fuser", fusion, { from });
  const solver = recipe.solver === undefined ? undefined : await solverOf(registry, recipe.solver, recipe.solverOptions);
  const { allocate } = recipe;
  const allocator = allocate === undefined ? undefined : await resolvePlugin(registry, "allocator", allocate, { from });
  const named = [
    ["scorer", recipe.scorer],
    ["fuser", fusion],
    ["backend", recipe.backend],
    ...(allocate === undefined ? [] : [["allocator", allocate] as const]),
    ...(recipe.solver === undefined ? [] : [["scorer", recipe.solver] as const]),
  ] as const;
  const hashes = named.map(([kind, name]) => [`${kind} ${name}`, pluginHash(registry, kind, name, { from })]);
  return {
    pluginHashes: Object.fromEntries(hashes.filter(([, hash]) => hash !== undefined)),
    scorer: await makeFrom(scorer, recipe.scorerOptions),
    ...(solver && { solver }),
    ...(allocator && { allocator: await makeFrom(allocator, recipe.allocateOptions) }),
    fuser: await makeFrom(fuser, recipe.fusionOptions),
    fusion,
    format: await formatFor(formats, recipe.model),
    loaders,
    statisticsFiles,
  };
}

/** A solver by its name: solvers are found where scorers are. Throws SecateurError `usage` for a scorer that repairs nothing. */
async function solverOf(registry: Registry, name: string, options: Readonly<Record<string, unknown>>): Promise<Solver> {
  const plugin = await resolvePlugin(registry, "scorer", name, { from: process.cwd() });
  const made = await makeFrom(plugin, options);
  if ("solve" in made) return made;
  throw new SecateurError("usage", `--solver ${name}: ${name} scores weights and repairs none; a solver is sparsegpt`);
}
