import { createHash } from "node:crypto";
import { type Evaluation, evaluate, metricOf } from "@secateur/evaluate";
import type { Backend, Document, OpenModel } from "@secateur/kit";
import { describeModel } from "@secateur/models";
import { createEngine, holdWeights } from "@secateur/runner";
import { modelTokenizer } from "@secateur/text";
import type { EvaluationBounds, EvaluationSet, EvaluationSource } from "./evaluation-data.ts";
import { contentKey } from "./holdout.ts";
import { defaultMemory } from "./memory.ts";
import { shownPath } from "./shown-path.ts";

/** What models are measured on, and how far. */
export interface MeasureInput {
  /** By name: a role's data to measure with, or other data. */
  readonly evaluate: readonly EvaluationSource[];
  /** At most so many rows of each, or windows of text. */
  readonly evaluateSamples: number;
  /** Tokens a window of text; left out, as many as a sequence. */
  readonly evaluateSeqLen?: number | undefined;
  /** At most so many tokens of an answer are decoded; 0 decodes none. When left out, what a row says, else 256. */
  readonly evaluateMaxTokens?: number | undefined;
}

/** Data to measure models on, read and bounded. */
export interface Measuring {
  readonly evaluation: readonly EvaluationSet[];
  readonly bounds: EvaluationBounds;
}

/** What a plan says of data to measure on. */
export interface EvaluationFacts extends Omit<EvaluationSet, "documents"> {
  readonly documents: number;
  /** `sha256:…` over what the documents say. */
  readonly hash: string;
}

// Of the memory that a run may take by itself; a model that is pruned where it is read holds its sections beside.
const HELD_SHARE = 1 / 4;

type WithoutLosses<Result> = Result extends unknown ? Omit<Result, "losses"> : never;

/** What a model was before it was pruned, and is after, on data of one name. */
export interface Quality extends Omit<EvaluationFacts, "heldOut"> {
  readonly before: WithoutLosses<Evaluation>;
  readonly after: WithoutLosses<Evaluation>;
}

/** How measuring is followed. */
export interface MeasureOptions {
  readonly backend: Backend;
  /** Hears how much of a model is done, 0 to 1, and on which data it is. */
  readonly onProgress?: (data: string, share: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Measures a model on each data, by its name. */
export async function measureModel(
  { evaluation, bounds }: Measuring,
  model: OpenModel,
  { backend, onProgress, signal }: MeasureOptions,
): Promise<Record<string, Evaluation>> {
  const engine = createEngine(model, describeModel(model), backend);
  const weights = evaluation.length > 1 ? holdWeights(engine, defaultMemory() * HELD_SHARE) : undefined; // read once for all of the data
  try {
    const metrics: Record<string, Evaluation> = {};
    for (const [i, { name, documents }] of evaluation.entries()) {
      metrics[name] = await evaluate(engine, () => modelTokenizer(model), documents, {
        samples: bounds.samples,
        ...(bounds.maxTokens !== undefined && { maxTokens: bounds.maxTokens }),
        // Of answers and choices none is left out for its length, as far as the model has positions.
        ...(metricOf(documents) === "perplexity" && { seqLen: bounds.seqLen }),
        onProgress: (share) => onProgress?.(name, (i + share) / evaluation.length),
        ...(weights && { weights }),
        ...(signal && { signal }),
      });
    }
    return metrics;
  } finally {
    weights?.release();
    await engine.release();
  }
}

/** What a plan says of the data. */
export function evaluationFacts({ evaluation }: Pick<Measuring, "evaluation">): EvaluationFacts[] {
  return evaluation.map((set) => ({ ...set, documents: set.documents.length, hash: hashOf(set.documents) }));
}

/** Measures a model before and after pruning. */
export async function measureBoth(
  measuring: Measuring,
  [before, after]: readonly [before: OpenModel, after: OpenModel],
  {
    onProgress,
    ...options
  }: Omit<MeasureOptions, "onProgress"> & {
    readonly onProgress: (which: "dense" | "pruned", data: string, share: number) => void;
  },
): Promise<Quality[]> {
  const of = (which: "dense" | "pruned", model: OpenModel) =>
    measureModel(measuring, model, { ...options, onProgress: (data, share) => onProgress(which, data, share) });
  const [dense, pruned] = [await of("dense", before), await of("pruned", after)];
  return evaluationFacts(measuring).map(({ heldOut: _, sources, ...facts }) => ({
    ...facts,
    sources: sources.map(shownPath),
    before: withoutLosses(dense[facts.name] as Evaluation), // measured on each
    after: withoutLosses(pruned[facts.name] as Evaluation),
  }));
}

function withoutLosses({ losses: _, ...rest }: Evaluation): WithoutLosses<Evaluation> {
  return rest as WithoutLosses<Evaluation>; // of the same metric
}

/** A hash of what documents say. */
function hashOf(documents: readonly Document[]): string {
  const hash = createHash("sha256");
  for (const document of documents) hash.update(contentKey(document));
  return `sha256:${hash.digest("hex")}`;
}
