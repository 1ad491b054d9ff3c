import { type Document, type DocumentKind, SecateurError } from "@secateur/kit";
import type { Engine } from "@secateur/runner";
import type { Tokenizer } from "@secateur/text";
import { type AnswersResult, evaluateAnswers } from "./answers.ts";
import { type ChoicesResult, evaluateChoices } from "./choices.ts";
import { type DistanceResult, evaluateDistance } from "./distance.ts";
import { evaluatePerplexity, type PerplexityResult } from "./perplexity.ts";
import { rowError } from "./row-error.ts";
import type { EvaluateOptions, MetricName, Setting } from "./setting.ts";

/** What a measurement gives; `protocol` says in one line how it was taken. */
export type Evaluation = PerplexityResult | AnswersResult | ChoicesResult;

const KINDS: Readonly<Record<MetricName, readonly DocumentKind[]>> = {
  perplexity: ["text", "ids", "answer"],
  answers: ["answer", "messages"],
  choices: ["choices"],
};

/** The metric of some documents: the one asked for, or what suits the first of them. Throws SecateurError `data` when they are none, of mixed kinds, or not what it reads. */
export function metricOf(documents: readonly Document[], asked?: MetricName): MetricName {
  const [first] = documents;
  if (!first) throw new SecateurError("data", "there is nothing to evaluate: the data holds no document");
  const suiting: readonly MetricName[] = ["answers", "choices"];
  const metric = asked ?? suiting.find((name) => KINDS[name].includes(first.kind)) ?? "perplexity";
  const odd = documents.find((row) => !KINDS[metric].includes(row.kind) || (row.kind === "ids") !== (first.kind === "ids"));
  if (!odd) return metric;
  const wanted = KINDS[metric].join(" or ");
  throw rowError(odd.origin, `the metric ${metric} reads rows of ${wanted}, all of one kind; this one is of ${odd.kind}`);
}

/**
 * Measures a model on documents. Throws SecateurError `data` when they are none, of mixed kinds, or not what the metric reads, `usage` for windows
 * that the model has no positions for, and `numeric` when what the model says is not finite.
 */
export async function evaluate(
  engine: Engine,
  tokenizer: () => Tokenizer,
  documents: AsyncIterable<Document> | Iterable<Document>,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const { setting, rows, metric } = await prepare(engine, tokenizer, documents, options);
  if (metric === "perplexity") return evaluatePerplexity(setting, rows);
  return metric === "answers" ? evaluateAnswers(setting, rows) : evaluateChoices(setting, rows);
}

/**
 * Measures how far what a model says is from what another one on the same backend says, such as the dense model that it was pruned from, at the predictions of the
 * metric `perplexity` or `answers`. Throws what `evaluate` does, `usage` for the metric `choices`, `data` where the two make other tokens of the documents, and
 * `unsupported` for models that cannot be compared.
 */
export async function compareModels(
  engine: Engine,
  other: Engine,
  tokenizer: () => Tokenizer,
  documents: AsyncIterable<Document> | Iterable<Document>,
  options: EvaluateOptions = {},
): Promise<DistanceResult> {
  const { setting, rows, metric } = await prepare(engine, tokenizer, documents, options);
  if (metric === "choices")
    throw new SecateurError("usage", "the distance to another model is measured on text, token ids or answers, not on choices");
  return evaluateDistance(setting, other, rows, metric);
}

/** The rows of a measurement, checked, and what it works with. */
async function prepare(
  engine: Engine,
  tokenizer: () => Tokenizer,
  documents: AsyncIterable<Document> | Iterable<Document>,
  options: EvaluateOptions,
): Promise<{ readonly setting: Setting; readonly rows: readonly Document[]; readonly metric: MetricName }> {
  checkCount("samples", options.samples, 1);
  checkCount("seqLen", options.seqLen, 2);
  checkCount("maxTokens", options.maxTokens, 0);
  const rows = await take(documents, options);
  const metric = metricOf(rows, options.metric);
  const { positions } = engine.description;
  const windowTokens = options.seqLen ?? Math.min(2048, positions);
  if (windowTokens > positions)
    throw new SecateurError("usage", `--seq-len ${windowTokens} is longer than the model's ${positions} positions`);
  return { setting: { ...options, engine, tokenizer, windowTokens }, rows, metric };
}

/** Rows up to the number of samples; text is cut in windows later, so all of it is taken. */
async function take(documents: AsyncIterable<Document> | Iterable<Document>, { samples }: EvaluateOptions): Promise<Document[]> {
  const rows: Document[] = [];
  for await (const document of withoutStrayBlanks(documents)) {
    rows.push(document);
    if (samples !== undefined && document.kind !== "text" && rows.length >= samples) break;
  }
  return rows;
}

/** Empty rows are part of running text, where each adds a blank line; between rows of other kinds they are nothing. */
export async function* withoutStrayBlanks(documents: AsyncIterable<Document> | Iterable<Document>): AsyncGenerator<Document> {
  const blanks: Document[] = [];
  let text: boolean | undefined;
  for await (const document of documents) {
    const blank = document.kind === "text" && document.text === "";
    if (text === undefined && !blank) {
      text = document.kind === "text";
      if (text) yield* blanks;
    }
    if (text === undefined) blanks.push(document);
    else if (!blank || text) yield document;
  }
  if (text === undefined) yield* blanks;
}

function checkCount(name: string, value: number | undefined, least: number): void {
  if (value !== undefined && !(Number.isSafeInteger(value) && value >= least))
    throw new SecateurError("usage", `${name} is ${value}, a whole number from ${least} on is wanted`);
}
