import type { JobKind } from "../api/types.ts";

/** A plugin that is chosen, with its options as texts by name. */
export interface PluginDraft {
  /** Empty where the engine chooses, or where there is none. */
  readonly name: string;
  readonly options: Readonly<Record<string, string>>;
}

/** A data file that is chosen, and how it is read. */
export interface SourceDraft {
  /** The id of the data; empty where none is chosen yet. */
  readonly data: string;
  /** `KEY=COLUMN` with commas between. */
  readonly fields: string;
  readonly template: string;
}

/** A source with the name of the role that it is for. */
export interface NamedDraft extends SourceDraft {
  readonly name: string;
}

/** A task. */
interface TaskDraft extends NamedDraft {
  readonly weight: string;
}

/** A job as it stands in the form: what is typed stays a text until it is asked for. Empty texts leave the engine's defaults. */
export interface Draft {
  readonly kind: JobKind;
  readonly model: string;
  /** The id of a calibration whose statistics stand in for data. */
  readonly stats: string;
  readonly general: readonly SourceDraft[];
  readonly generalWeight: string;
  readonly tasks: readonly TaskDraft[];
  readonly amount: "sparsity" | "pattern";
  readonly sparsity: string;
  /** Such as 2:4. */
  readonly pattern: string;
  readonly scorer: PluginDraft;
  readonly solver: PluginDraft;
  readonly fusion: PluginDraft;
  readonly allocate: PluginDraft;
  readonly backend: PluginDraft;
  readonly samples: string;
  readonly seqLen: string;
  readonly pack: "" | "true" | "false";
  readonly promptWeight: string;
  readonly shuffle: boolean;
  readonly seed: string;
  readonly propagate: string;
  /** Globs, one a line. */
  readonly include: string;
  readonly exclude: string;
  /** Of a comparison: the tasks' weights in mixtures with commas, the fusions that are compared as they are, and others with options, as the command writes them. */
  readonly mixtures: string;
  readonly rules: readonly string[];
  readonly otherRules: string;
  readonly evaluate: readonly NamedDraft[];
  readonly evaluateSamples: string;
  readonly evaluateSeqLen: string;
  readonly evaluateMaxTokens: string;
  /** Of a calibration: what is collected beside norms. */
  readonly collect: readonly string[];
  /** Of an evaluation. */
  readonly measured: SourceDraft;
  readonly against: string;
  readonly metric: string;
}

/** What a calibration may collect beside norms, with what reads it. */
export const COLLECTED: Readonly<Record<string, string>> = {
  gram: "Gram matrices, which solvers such as sparsegpt read",
  gradients: "gradients of the loss, which the scorer fisher reads",
  fisher: "the Fisher information's diagonal, which the scorer obd reads",
  regional: "gradients of each block's own norm, which wanda-plus reads",
};

/** A source that is not chosen yet. */
export const NO_SOURCE: SourceDraft = { data: "", fields: "", template: "" };

/** A plugin that the engine chooses. */
export const NO_PLUGIN: PluginDraft = { name: "", options: {} };

/** What the form begins with. */
export const EMPTY_DRAFT: Draft = {
  kind: "prune",
  model: "",
  stats: "",
  general: [NO_SOURCE],
  generalWeight: "",
  tasks: [],
  amount: "sparsity",
  sparsity: "0.5",
  pattern: "2:4",
  scorer: { name: "wanda", options: {} },
  solver: NO_PLUGIN,
  fusion: NO_PLUGIN,
  allocate: NO_PLUGIN,
  backend: { name: "onnxruntime", options: {} },
  samples: "",
  seqLen: "",
  pack: "",
  promptWeight: "",
  shuffle: false,
  seed: "",
  propagate: "",
  include: "",
  exclude: "",
  mixtures: "0.25, 0.5, 0.75",
  rules: ["shared-exclusive", "max"],
  otherRules: "",
  evaluate: [],
  evaluateSamples: "",
  evaluateSeqLen: "",
  evaluateMaxTokens: "",
  collect: [],
  measured: NO_SOURCE,
  against: "",
  metric: "",
};

/** A task's name from its file's: letters, digits, `_` and `-` of what comes before the endings. */
export function taskName(file: string): string {
  const stem = (file.split("/").at(-1) ?? "").replace(/(\.(jsonl?|ndjson|csv|tsv|parquet|txt|gz))+$/i, "");
  const name = stem.replace(/[^\w-]+/g, "_");
  return /^[A-Za-z_]/.test(name) ? name : `_${name}`;
}

/** The same form, in which only models and data are chosen that are there, by their ids. */
export function withKnown(draft: Draft, models: ReadonlySet<string>, data: ReadonlySet<string>): Draft {
  const without = <Source extends SourceDraft>(source: Source): Source => (data.has(source.data) ? source : { ...source, data: "" });
  return {
    ...draft,
    model: models.has(draft.model) ? draft.model : "",
    against: models.has(draft.against) ? draft.against : "",
    general: draft.general.map(without),
    tasks: draft.tasks.map(without),
    evaluate: draft.evaluate.map(without),
    measured: without(draft.measured),
  };
}
