import { rm } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { isAbsolute, join, relative } from "node:path";
import type { Backend, OpenModel } from "@secateur/kit";
import type { EndToken } from "./data.ts";
import { writeWhole } from "./io.ts";
import type { Plan } from "./plan.ts";
import type { LayerReport } from "./prune-layer.ts";
import type { DataSource, Recipe } from "./recipe.ts";

/** `secateur.json`: what a pruned model is and how it was made. Two equal runs write the same bytes. */
export interface Manifest {
  readonly secateur: string;
  /** A recipe that gives this model again. */
  readonly recipe: Recipe;
  readonly model: { readonly source: string; readonly modelType: string; readonly hash: string };
  readonly data: readonly {
    readonly role: string;
    readonly weight: number;
    readonly sources: readonly string[];
    readonly sequences: number;
    readonly tokens: number;
    readonly hash: string;
    readonly rows: number;
    readonly empty: number;
    readonly duplicates: number;
    readonly truncated: number;
    readonly specialTokens: number;
    /** The token that ends a text, where a tokenizer was used and has one: packing puts it after each document. */
    readonly endToken?: EndToken | undefined;
  }[];
  readonly backend: Backend["description"];
  /** What computed the statistics, where they come from a file. */
  readonly statistics?: { readonly backend: Backend["description"] };
  readonly sparsity: { readonly zeros: number; readonly of: number; readonly ratio: number };
  readonly tensors: readonly LayerReport[];
  readonly warnings: readonly string[];
}

/** `run.json`: what differs between two equal runs. */
export interface RunTimes {
  readonly started: Date;
  /** Phase → milliseconds. */
  readonly phases: Record<string, number>;
  resumedSections: number;
}

/** What a manifest says beyond its plan. */
export interface ManifestFacts {
  readonly modelHash: string;
  readonly version: string;
  readonly backend: Backend["description"];
  readonly layers: readonly LayerReport[];
}

/** The manifest of a finished run. Paths are as they were typed, absolute ones relative to the present folder. */
export function makeManifest(plan: Plan, { modelHash, version, backend, layers }: ManifestFacts): Manifest {
  const { recipe } = plan;
  const zeros = layers.reduce((sum, layer) => sum + layer.zeros, 0);
  const size = layers.reduce((sum, { shape }) => sum + shape[0] * shape[1], 0);
  const local = <Source extends DataSource>(source: Source): Source => ({ ...source, source: shownPath(source.source) });
  return {
    secateur: version,
    recipe: {
      ...recipe,
      model: shownPath(recipe.model),
      general: recipe.general.map(local),
      tasks: recipe.tasks.map(local),
      ...(recipe.stats !== undefined && { stats: shownPath(recipe.stats) }),
      // A plugin can be named by its file.
      scorer: shownPath(recipe.scorer),
      fusion: shownPath(recipe.fusion),
      backend: shownPath(recipe.backend),
      ...(recipe.allocate !== undefined && { allocate: shownPath(recipe.allocate) }),
      ...(recipe.solver !== undefined && { solver: shownPath(recipe.solver) }),
    },
    model: { source: shownPath(recipe.model), modelType: plan.description.modelType, hash: modelHash },
    data: plan.roles.map(({ role, sources, count, tokens, hash, counts, endToken }) => ({
      role,
      weight: plan.weights.get(role) ?? 0,
      sources: sources.map(shownPath),
      sequences: count,
      tokens,
      hash,
      ...counts,
      ...(endToken && { endToken }),
    })),
    backend,
    ...(plan.statistics && { statistics: { backend: plan.statistics.header.backend } }),
    sparsity: { zeros, of: size, ratio: size === 0 ? 0 : zeros / size },
    tensors: layers,
    warnings: plan.warnings,
  };
}

/** A path as it was typed; an absolute one relative to the present folder, so that no file tells how a machine is laid out. */
export function shownPath(path: string): string {
  return isAbsolute(path) ? relative(process.cwd(), path) || "." : path;
}

/** Writes `secateur.json` and `run.json` into a folder. Where the source was itself such an output, its report does not go on as if it were this run's. */
export async function writeRunFiles(folder: string, manifest: Manifest, times: RunTimes, source: OpenModel): Promise<void> {
  if (source.files.some(({ name }) => name === MANIFEST)) await rm(join(folder, "report.html"), { force: true });
  await writeWhole(join(folder, MANIFEST), jsonText(manifest));
  const run = {
    started: times.started.toISOString(),
    finished: new Date().toISOString(),
    milliseconds: Object.fromEntries(Object.entries(times.phases).map(([phase, ms]) => [phase, Math.round(ms)])),
    resumedSections: times.resumedSections,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    host: { platform: process.platform, arch: process.arch, node: process.version, cores: cpus().length, memoryBytes: totalmem() },
  };
  await writeWhole(join(folder, "run.json"), jsonText(run));
}

const MANIFEST = "secateur.json";

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
