import { rm } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import type { Backend, OpenModel } from "@secateur/kit";
import type { SharedRecipe } from "./compare-plan.ts";
import type { EndToken } from "./data.ts";
import type { Emit } from "./events.ts";
import { writeWhole } from "./io.ts";
import type { MeasureInput, Quality } from "./measuring.ts";
import { type ModelBytes, modelBytes } from "./model-bytes.ts";
import type { Plan } from "./plan.ts";
import type { LayerReport } from "./prune-layer.ts";
import type { DataSource, PlannedRecipe } from "./recipe.ts";
import { SAMPLED_ROWS, whyNoRoleScores } from "./role-scores.ts";
import { shownPath } from "./shown-path.ts";

/** `secateur.json`: what a pruned model is and how it was made. Two equal runs write the same bytes. */
export interface Manifest {
  readonly secateur: string;
  /** A recipe that gives this model again. */
  readonly recipe: PlannedRecipe;
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
  /** Of all tensors, those that are not pruned too. */
  readonly bytes: ModelBytes;
  /** What gives the quality again, where that was measured. */
  readonly measure?: MeasureInput;
  /** How good the model was and is. */
  readonly quality?: readonly Quality[];
  /** Of how many rows of each layer at most the roles' own scores were looked at; or why there are none. */
  readonly roleScores: { readonly rows: number } | { readonly absent: string };
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
  readonly quality?: readonly Quality[] | undefined;
}

/** The manifest of a finished run. Paths are as they were typed, absolute ones relative to the present folder. */
export function makeManifest(plan: Plan, { modelHash, version, backend, layers, quality }: ManifestFacts): Manifest {
  const { recipe } = plan;
  const absent = whyNoRoleScores(plan);
  const zeros = layers.reduce((sum, layer) => sum + layer.zeros, 0);
  const size = layers.reduce((sum, { shape }) => sum + shape[0] * shape[1], 0);
  return {
    secateur: version,
    recipe: { ...shownRecipe(recipe), fusion: shownPath(recipe.fusion) },
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
    bytes: modelBytes(plan.model.tensors, layers),
    ...(plan.measuring && { measure: shownMeasure(plan.measuring.input) }),
    ...(quality && { quality }),
    roleScores: absent === undefined ? { rows: SAMPLED_ROWS } : { absent },
    tensors: layers,
    warnings: plan.warnings,
  };
}

/** A recipe with its paths as they are shown, but for that of its fusion. */
export function shownRecipe<Given extends SharedRecipe>(recipe: Given): Given {
  return {
    ...recipe,
    model: shownPath(recipe.model),
    general: recipe.general.map(shownSource),
    tasks: recipe.tasks.map(shownSource),
    ...(recipe.stats !== undefined && { stats: shownPath(recipe.stats) }),
    // A plugin can be named by its file.
    scorer: shownPath(recipe.scorer),
    backend: shownPath(recipe.backend),
    ...(recipe.allocate !== undefined && { allocate: shownPath(recipe.allocate) }),
    ...(recipe.solver !== undefined && { solver: shownPath(recipe.solver) }),
  };
}

/** What is measured on with its paths as they are shown. */
export function shownMeasure<Given extends MeasureInput>(input: Given): Given {
  return { ...input, evaluate: input.evaluate.map(shownSource) };
}

/** A data source with its paths as they are shown. */
function shownSource<Source extends DataSource>(source: Source): Source {
  const { template } = source;
  // What has no place for a column is a name, or a file's.
  const isFile = template !== undefined && !template.includes("{");
  return { ...source, source: shownPath(source.source), ...(isFile && { template: shownPath(template) }) };
}

/** Writes `secateur.json` and `run.json` into a folder. Where the source was itself such an output, its report does not go on as if it were this run's. */
export async function writeRunFiles(folder: string, manifest: Manifest, times: RunTimes, source: OpenModel): Promise<void> {
  if (source.files.some(({ name }) => name === MANIFEST)) await rm(join(folder, REPORT), { force: true });
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

/** Writes `report.html` into a folder. A page that cannot be made is a warning. Throws SecateurError `io` for one that cannot be written. */
export async function writeReport(
  folder: string,
  make: (manifest: Manifest) => Promise<string>,
  manifest: Manifest,
  emit: Emit,
): Promise<void> {
  let page: string;
  try {
    page = await make(manifest);
  } catch (error) {
    emit({ type: "warning", message: `report.html was not made: ${error instanceof Error ? error.message : error}` });
    return;
  }
  await writeWhole(join(folder, REPORT), page);
}

const MANIFEST = "secateur.json";
const REPORT = "report.html";

/** JSON with a key a line, and lists of numbers on one: no text holds a line break that is not escaped, so that only such lists are matched. */
function jsonText(value: unknown): string {
  const text = JSON.stringify(value, null, 2);
  return `${text.replace(/\[\n[\d\s.,eE+-]+\]/g, (list) => list.replace(/\s+/g, " ").replace("[ ", "[").replace(" ]", "]"))}\n`;
}
