import { type Document, SecateurError } from "@secateur/kit";
import { scoreSequences, type TokenScores } from "@secateur/runner";
import { encodePair } from "@secateur/text";
import { beginOf, endsOf, type Setting } from "./setting.ts";
import { type DocumentLoss, type Estimate, estimate, pooledLoss } from "./statistics.ts";

/** How well a model gives known answers to prompts. */
export interface AnswersResult {
  readonly metric: "answers";
  /** exp of the mean −log p of an answer's token, given the prompt and the answer so far. */
  readonly perplexity: number;
  readonly nll: number;
  /** Of `nll`, over documents. */
  readonly standardError: number;
  readonly answerTokens: number;
  readonly documents: number;
  /** The share of prompts after which greedy decoding gives exactly the answer's tokens and then an end token, where there are such. */
  readonly exactMatch: Estimate;
  /** Rows that were left out: longer than the window, or without a token to predict. */
  readonly skipped: number;
  /** An answer's each, without those that were left out. */
  readonly losses: readonly DocumentLoss[];
  readonly protocol: string;
}

interface Item {
  readonly ids: Int32Array;
  /** Where the answer begins, at least 1. */
  readonly start: number;
}

/**
 * Scores the answers of prompt-and-answer rows. An exact match is read off one pass over prompt and answer: greedy decoding gives the answer just when
 * each of its tokens, and the end, is the likeliest after those before it. Throws SecateurError `data` when no row fits the window.
 */
export async function evaluateAnswers(setting: Setting, rows: readonly Document[]): Promise<AnswersResult> {
  const tokenizer = setting.tokenizer();
  const begin = beginOf(setting);
  const ends = endsOf(setting);
  const items = rows.flatMap((row): Item[] => {
    if (row.kind !== "answer") return [];
    const { ids, start } = encodePair(tokenizer, row.prompt, row.answer, row.origin);
    return [{ ids: Int32Array.from([...begin, ...ids]), start: Math.max(1, begin.length + start) }];
  });
  const fitting = items.filter(({ ids, start }) => ids.length <= setting.windowTokens && ids.length > start);
  if (fitting.length === 0)
    throw new SecateurError("data", `nothing to predict: no row has an answer that fits in ${setting.windowTokens} tokens`);
  const scores = await scoreSequences(
    setting.engine,
    fitting.map(({ ids }) => ids),
    setting,
  );
  const losses = fitting.map(({ ids, start }, i) => ({
    loss: sum((scores[i] as TokenScores).loss.subarray(start - 1)),
    tokens: ids.length - start,
  }));
  const exact = fitting.map((item, i) => (isExact(item, scores[i] as TokenScores, ends) ? 1 : 0));
  const { value: nll, standardError, tokens } = pooledLoss(losses);
  const skipped = items.length - fitting.length;
  return {
    metric: "answers",
    perplexity: Math.exp(nll),
    nll,
    standardError,
    answerTokens: tokens,
    documents: fitting.length,
    exactMatch: estimate(exact),
    skipped,
    losses,
    protocol: protocol(fitting.length, skipped, tokens, ends),
  };
}

function isExact({ ids, start }: Item, { best }: TokenScores, ends: readonly number[]): boolean {
  for (let t = start; t < ids.length; t++) {
    const id = ids[t] as number;
    // Decoding ends at an end token, so an answer with one in it is never given.
    if (best[t - 1] !== id || ends.includes(id)) return false;
  }
  return ends.length === 0 || ends.includes(best[ids.length - 1] as number);
}

function protocol(documents: number, skipped: number, tokens: number, ends: readonly number[]): string {
  const rows = `${documents} row${documents === 1 ? "" : "s"}${skipped > 0 ? ` (${skipped} left out: too long, or nothing to predict)` : ""}`;
  const end = ends.length > 0 ? `, then end token ${ends.join(" or ")}` : "";
  return `answers: ${rows}, mean over ${tokens} answer tokens given prompt and answer so far; exact match by greedy decoding${end}`;
}

function sum(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0);
}
