import { type Document, type DocumentKind, SecateurError } from "@secateur/kit";
import type { Engine } from "@secateur/runner";
import { endTokens, type Tokenizer } from "@secateur/text";
import { type AnswersResult, evaluateAnswers } from "./answers.ts";
import { type ChoicesResult, evaluateChoices } from "./choices.ts";
import { evaluatePerplexity, type PerplexityResult } from "./perplexity.ts";
import { rowError } from "./row-error.ts";

/** What is measured: perplexity of running text, of answers given their prompts, or how often the right choice is the likeliest. */
export type MetricName = "perplexity" | "answers" | "choices";

/** What a measurement gives; `protocol` says in one line how it was taken. */
export type Evaluation = PerplexityResult | AnswersResult | ChoicesResult;

/** How a model is measured. */
export interface EvaluateOptions {
  /** Default: `answers` for rows with prompt and answer, `choices` for rows with choices, else `perplexity`. */
  readonly metric?: MetricName;
  /** Tokens a window; default 2048, or the model's positions if fewer. */
  readonly seqLen?: number;
  /** At most so many windows of text, or rows. */
  readonly samples?: number;
  /** Tokens put before every prompt and window, in place of those that the tokenizer adds. */
  readonly begin?: readonly number[];
  /** Tokens that end an answer: an exact one is followed by one of them. Default: the end tokens of the model's configs and of its tokenizer. */
  readonly end?: readonly number[];
  readonly onProgress?: (share: number) => void;
  readonly signal?: AbortSignal;
}

/** What a metric works with. */
export interface Setting extends EvaluateOptions {
  readonly engine: Engine;
  readonly tokenizer: () => Tokenizer;
  readonly windowTokens: number;
}

/** What stands before every prompt and window. */
export function beginOf({ begin, tokenizer }: Setting): readonly number[] {
  return begin ?? tokenizer().beginTokens;
}

/** What ends an answer. */
export function endsOf({ end, engine: { model }, tokenizer }: Setting): readonly number[] {
  return end ?? endTokens(model.config, model.generationConfig, tokenizer());
}

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
  documents: AsyncIterable<Document>,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  checkCount("samples", options.samples, 1);
  checkCount("seqLen", options.seqLen, 2);
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
  if (metric === "perplexity") return evaluatePerplexity(setting, rows);
  return metric === "answers" ? evaluateAnswers(setting, rows) : evaluateChoices(setting, rows);
}

/** Rows up to the number of samples; text is cut in windows later, so all of it is taken. */
async function take(documents: AsyncIterable<Document>, { samples }: EvaluateOptions): Promise<Document[]> {
  const rows: Document[] = [];
  for await (const document of documents) {
    rows.push(document);
    if (samples !== undefined && document.kind !== "text" && rows.length >= samples) break;
  }
  return rows;
}

function checkCount(name: string, value: number | undefined, least: number): void {
  if (value !== undefined && !(Number.isSafeInteger(value) && value >= least))
    throw new SecateurError("usage", `${name} is ${value}, a whole number from ${least} on is wanted`);
}
