import type { Engine, HeldWeights } from "@secateur/runner";
import { endTokens, type Tokenizer } from "@secateur/text";

/** What is measured: perplexity of running text, of answers given their prompts, or how often the right choice is the likeliest. */
export type MetricName = "perplexity" | "answers" | "choices";

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
  /** At most so many tokens of an answer are decoded, for rows that say how theirs ends or what counts of it; 0 decodes none. Default: what a row says, else 256. */
  readonly maxTokens?: number;
  /** Weights of the model that stay on the backend after the measurement too; left out, they are read for each part of it. */
  readonly weights?: HeldWeights;
  /** Told the share of the work that is done, 0 to 1. */
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
