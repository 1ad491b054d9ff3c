import { cpus, totalmem } from "node:os";
import { isAbsolute, join, relative } from "node:path";
import type { Backend } from "@secateur/kit";
import { writeWhole } from "./output.ts";
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
  }[];
  readonly backend: Backend["description"];
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
    recipe: { ...recipe, model: shownPath(recipe.model), general: recipe.general.map(local), tasks: recipe.tasks.map(local) },
    model: { source: shownPath(recipe.model), modelType: plan.description.modelType, hash: modelHash },
    data: plan.roles.map(({ role, sources, sequences, tokens, hash, counts }) => ({
      role,
      weight: plan.weights.get(role) ?? 0,
      sources: sources.map(shownPath),
      sequences: sequences.length,
      tokens,
      hash,
      ...counts,
    })),
    backend,
    sparsity: { zeros, of: size, ratio: size === 0 ? 0 : zeros / size },
    tensors: layers,
    warnings: plan.warnings,
  };
}

/** A path as it was typed; an absolute one relative to the present folder, so that no file tells how a machine is laid out. */
function shownPath(path: string): string {
  return isAbsolute(path) ? relative(process.cwd(), path) || "." : path;
}

/** Writes `secateur.json` and `run.json` into a folder. */
export async function writeRunFiles(folder: string, manifest: Manifest, times: RunTimes): Promise<void> {
  await writeWhole(join(folder, "secateur.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  const run = {
    started: times.started.toISOString(),
    finished: new Date().toISOString(),
    milliseconds: Object.fromEntries(Object.entries(times.phases).map(([phase, ms]) => [phase, Math.round(ms)])),
    resumedSections: times.resumedSections,
    host: { platform: process.platform, arch: process.arch, node: process.version, cores: cpus().length, memoryBytes: totalmem() },
  };
  await writeWhole(join(folder, "run.json"), `${JSON.stringify(run, null, 2)}\n`);
}
