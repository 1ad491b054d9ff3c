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
export type Evaluation = PerplexityResult | AnswersResult | ChoicesResult | DistanceResult;

const KINDS: Readonly<Record<MetricName, readonly DocumentKind[]>> = {
  perplexity: ["text", "ids", "answer"],
  answers: ["answer"],
  choices: ["choices"],
};

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
  checkCount("samples", options.samples, 1);
  checkCount("seqLen", options.seqLen, 2);
  checkCount("maxTokens", options.maxTokens, 1);
  const rows = await take(documents, options);
  const [first] = rows;
  if (!first) throw new SecateurError("data", "there is nothing to evaluate: the data holds no document");
  const metric = options.metric ?? (first.kind === "answer" ? "answers" : first.kind === "choices" ? "choices" : "perplexity");
  const odd = rows.find((row) => !KINDS[metric].includes(row.kind) || (row.kind === "ids") !== (first.kind === "ids"));
  if (odd) {
    const wanted = KINDS[metric].join(" or ");
    throw rowError(odd.origin, `the metric ${metric} reads rows of ${wanted}, all of one kind; this one is of ${odd.kind}`);
  }
  const { positions } = engine.description;
  const windowTokens = options.seqLen ?? Math.min(2048, positions);
  if (windowTokens > positions)
    throw new SecateurError("usage", `--seq-len ${windowTokens} is longer than the model's ${positions} positions`);
  const setting: Setting = { ...options, engine, tokenizer, windowTokens };
  if (options.against) {
    if (metric === "choices")
      throw new SecateurError("usage", "the distance to another model is measured on text, token ids or answers, not on choices");
    return evaluateDistance(setting, options.against, rows, metric);
  }
  if (metric === "perplexity") return evaluatePerplexity(setting, rows);
  return metric === "answers" ? evaluateAnswers(setting, rows) : evaluateChoices(setting, rows);
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
async function* withoutStrayBlanks(documents: AsyncIterable<Document> | Iterable<Document>): AsyncGenerator<Document> {
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
