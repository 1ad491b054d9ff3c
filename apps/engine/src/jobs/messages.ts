import type { ListedProvider } from "@secateur/backend-onnxruntime";
import type { DistanceResult, Evaluation, MetricName } from "@secateur/evaluate";
import type { BackendDescription, Document, LoadReport } from "@secateur/kit";
import type {
  CalibrationInput,
  CalibrationPlan,
  CompareEvent,
  CompareInput,
  ComparePlan,
  Comparison,
  Manifest,
  MeasureInput,
  PlanSummary,
  PruneEvent,
  RecipeInput,
  SweepGrid,
  SweepMeasure,
  SweepRow,
} from "@secateur/pipeline";
import type { StatisticsHeader } from "@secateur/statistics";
import type { DemoResult } from "../demo/run.ts";
import type { ErrorReport } from "../errors.ts";
import type { BackendChoice, BackendRequest, OpenedBackend } from "./run-backends.ts";
import type { Inspection } from "./run-inspect.ts";
import type { PluginList } from "./run-plugins.ts";

/** What the engine process can be asked to do, each with what it is given, what it tells on the way, and what it answers. */
export interface Jobs {
  prune: { request: PruneRequest; event: PruneEvent | PartialEvent; result: PruneOutcome };
  calibrate: { request: CalibrateRequest; event: PruneEvent; result: CalibrateOutcome };
  sweep: { request: SweepRequest; event: SweepEvent; result: SweepOutcome };
  compare: { request: CompareRequest; event: CompareEvent | PartialEvent; result: CompareOutcome };
  merge: { request: MergeRequest; event: ShareEvent; result: StatisticsInspection };
  eval: { request: EvalRequest; event: ShareEvent; result: EvalOutcome };
  inspect: { request: { readonly path: string }; event: never; result: Inspection | StatisticsInspection };
  report: { request: ReportRequest; event: never; result: ReportOutcome };
  preview: { request: PreviewRequest; event: never; result: Preview };
  demo: { request: DemoRequest; event: { readonly type: "step"; readonly message: string }; result: DemoResult };
  plugins: { request: Readonly<Record<string, never>>; event: never; result: PluginList };
  choices: { request: Pick<BackendRequest, "measure">; event: never; result: BackendChoice[] };
  backend: { request: BackendRequest; event: never; result: OpenedBackend };
  providers: { request: ProvidersRequest; event: never; result: ListedProvider[] };
}

export type JobName = keyof Jobs;

/** What a job works with: where its events go and when it is to stop. */
export interface JobContext<K extends JobName> {
  emit(event: Jobs[K]["event"]): void;
  readonly signal: AbortSignal;
}

/** A job's code. */
export type RunJob<K extends JobName> = (request: Jobs[K]["request"], context: JobContext<K>) => Promise<Jobs[K]["result"]>;

/** What files that a job writes call paths: path → name. */
export type PathNames = ReadonlyMap<string, string>;

/** Begins a job. */
export interface StartMessage<K extends JobName> {
  readonly type: "start";
  readonly job: K;
  readonly request: Jobs[K]["request"];
  readonly names: PathNames;
}

/** From the command to the engine process. */
export type ToEngine = { [K in JobName]: StartMessage<K> }[JobName] | { readonly type: "cancel" };

/** From the engine process to the command. Exactly one of `done` and `failed` ends a job. */
export type FromEngine<K extends JobName> =
  | { readonly type: "event"; readonly event: Jobs[K]["event"] }
  | { readonly type: "done"; readonly result: Jobs[K]["result"] }
  | { readonly type: "failed"; readonly error: ErrorReport };

/** What is said of every run that is planned first. */
interface PlannedRequest {
  /** Absent in a dry run, and of a comparison that is to be shown only. */
  readonly out: string | undefined;
  readonly force: boolean;
  readonly dryRun: boolean;
  readonly version: string;
  /** What hidden states may take of memory. */
  readonly memoryBytes?: number | undefined;
}

/** A prune as the flags say it. */
export interface PruneRequest extends PlannedRequest {
  readonly recipe: RecipeInput;
  /** What the model is measured on before and after; left out, it is not. */
  readonly measure?: MeasureInput | undefined;
  readonly restart: boolean;
}

/** A calibration as the flags say it. */
export interface CalibrateRequest extends PlannedRequest {
  readonly recipe: CalibrationInput;
}

/** What came of a calibration: the plan, and whether the file was written. */
export interface CalibrateOutcome {
  readonly plan: CalibrationPlan["summary"];
  readonly backend: BackendDescription;
  readonly written: boolean;
}

/** A sweep as the flags say it. */
export interface SweepRequest {
  readonly grid: SweepGrid;
  /** What each result is measured on. */
  readonly measure: SweepMeasure;
  readonly out: string;
  readonly force: boolean;
  readonly version: string;
}

/** The rows of a sweep, and what computed them. */
export interface SweepOutcome {
  readonly rows: readonly SweepRow[];
  readonly backend: BackendDescription;
}

/** What a sweep tells on the way: a setting that is done, or the share of the one at hand. */
type SweepEvent =
  | { readonly type: "row"; readonly row: SweepRow; readonly done: number; readonly total: number }
  | { readonly type: "share"; readonly label: string; readonly share: number };

/** A comparison as the flags say it. */
export interface CompareRequest extends PlannedRequest {
  readonly input: CompareInput;
  /** A file for all of the results: as JSON, or as a page where its name ends in `.html`. */
  readonly out: string | undefined;
  readonly restart: boolean;
  /** What hidden states may take of memory, and the weights of a variant. */
  readonly memoryBytes?: number | undefined;
}

/** What came of a comparison: after a dry run its plan alone. */
export type CompareOutcome =
  | { readonly plan: ComparePlan["summary"]; readonly backend: BackendDescription; readonly rows?: undefined }
  | Comparison;

/** Statistics files to merge. */
export interface MergeRequest {
  readonly inputs: readonly string[];
  readonly out: string;
  readonly force: boolean;
}

/** What a statistics file says of itself. */
export interface StatisticsInspection {
  readonly path: string;
  readonly bytes: number;
  readonly statistics: StatisticsHeader;
}

/** What to do with execution providers. */
export type ProvidersRequest =
  | { readonly action: "list" }
  | { readonly action: "add"; readonly file: string; readonly name: string | undefined; readonly force: boolean }
  | { readonly action: "remove"; readonly name: string };

/** How much of a job is done, 0 to 1. */
interface ShareEvent {
  readonly type: "share";
  readonly share: number;
}

/** A look at a data source. */
export interface PreviewRequest {
  readonly source: string;
  readonly fields?: Readonly<Record<string, string>> | undefined;
  readonly template?: string | undefined;
  /** So many documents at most, of so many characters a text. */
  readonly count: number;
  readonly characters: number;
}

/** The first documents of a data source, and what was counted up to the last of them. */
export interface Preview {
  readonly documents: readonly Document[];
  readonly report: Readonly<LoadReport>;
}

/** What the demo prunes, and where it leaves its models. */
export interface DemoRequest {
  /** The folder of the demo model, with its data. */
  readonly model: string;
  readonly folder: string;
  readonly version: string;
  /** What computes, by its name, and its options. */
  readonly backend: string;
  readonly backendOptions: Readonly<Record<string, unknown>>;
}

/** From here on work is kept in this folder. */
interface PartialEvent {
  readonly type: "partial";
  readonly folder: string;
}

/** What came of a prune: the plan, and after a real run what was written. */
export interface PruneOutcome {
  readonly plan: PlanSummary;
  readonly backend: BackendDescription;
  /** What computed the statistics, where they come from a file. */
  readonly statistics?: Manifest["statistics"] | undefined;
  readonly sparsity?: Manifest["sparsity"] | undefined;
  readonly bytes?: Manifest["bytes"] | undefined;
  /** Absent where nothing was measured. */
  readonly quality?: Manifest["quality"] | undefined;
}

/** A file of results to make a page of. */
export interface ReportRequest {
  /** A pruned model's folder, a `secateur.json`, or the JSON of a comparison. */
  readonly path: string;
  /** The page; left out, beside what it is of. */
  readonly out: string | undefined;
  readonly force: boolean;
}

/** A page that has been made. */
export interface ReportOutcome {
  readonly out: string;
  readonly bytes: number;
}

/** A measurement, and what computed it. */
export type EvalOutcome = (Evaluation | DistanceResult) & { readonly backend: BackendDescription };

/** An evaluation as the flags say it. */
export interface EvalRequest {
  readonly model: string;
  readonly data: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly template: string | undefined;
  /** A model that it is compared with. */
  readonly against?: string | undefined;
  readonly metric: MetricName | undefined;
  readonly seqLen: number | undefined;
  readonly samples: number | undefined;
  readonly maxTokens?: number | undefined;
  readonly backend: string;
  readonly backendOptions: Readonly<Record<string, unknown>>;
}
