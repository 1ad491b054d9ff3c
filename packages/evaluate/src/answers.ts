import type { Document } from "@secateur/kit";
import { scoreSequences, type TokenScores } from "@secateur/runner";
import { type AnswerItem, answerItems } from "./answer-items.ts";
import { type DecodedAnswer, type DecodedRow, decodeAnswers, decodedRow } from "./decoded.ts";
import { endsOf, type Setting } from "./setting.ts";
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
  /**
   * The share of prompts after which greedy decoding gives exactly the answer's tokens and then an end token, where there are such; of rows that say how their answer
   * ends or what counts of it, the right part that counts. Left out where no answer was to be decoded and a row asks for that.
   */
  readonly exactMatch?: Estimate;
  /** Rows whose answers were decoded. */
  readonly decoded: number;
  /** Of these, how many answers had not ended at the limit of tokens, or at the model's last position. */
  readonly unended: number;
  /** Rows that were left out: longer than the window, or without a token to predict. */
  readonly skipped: number;
  /** An answer's each, without those that were left out. */
  readonly losses: readonly DocumentLoss[];
  readonly protocol: string;
}

// Of the work, where answers are decoded too.
const SCORING_SHARE = 1 / 4;

/**
 * Scores the answers of prompt-and-answer rows. An exact match is read off one pass over prompt and answer: greedy decoding gives the answer just when
 * each of its tokens, and the end, is the likeliest after those before it. Rows that say how their answer ends, or what counts of it, are decoded instead. Throws
 * SecateurError `data` when no row fits the window.
 */
export async function evaluateAnswers(setting: Setting, rows: readonly Document[]): Promise<AnswersResult> {
  const { items, skipped, note } = answerItems(setting, rows);
  const ends = endsOf(setting);
  const decodedRows = new Map(items.map((item) => [item, decodedRow(setting, item.row)]));
  const unread = [...decodedRows.values()].filter((row) => row !== undefined);
  const toDecode = setting.maxTokens === 0 ? [] : unread;
  const share = toDecode.length > 0 ? SCORING_SHARE : 1;
  const scores = await scoreSequences(
    setting.engine,
    items.map(({ ids }) => ids),
    { ...setting, onProgress: (done) => setting.onProgress?.(done * share) },
  );
  const losses = items.map(({ ids, start }, i) => ({
    loss: sum((scores[i] as TokenScores).loss.subarray(start - 1)),
    tokens: ids.length - start,
  }));
  const answers = await decodeAnswers(setting, toDecode, (done) => setting.onProgress?.(share + done * (1 - share)));
  const answerOf = new Map(toDecode.map((row, i) => [row, answers[i] as DecodedAnswer])); // one a row
  const exact = items.map((item, i) => {
    const decoded = decodedRows.get(item);
    const answer = decoded && answerOf.get(decoded);
    return (answer ? answer.exact : isExact(item, scores[i] as TokenScores, ends)) ? 1 : 0;
  });
  const { value: nll, standardError, tokens } = pooledLoss(losses);
  return {
    metric: "answers",
    perplexity: Math.exp(nll),
    nll,
    standardError,
    answerTokens: tokens,
    documents: items.length,
    ...(toDecode.length === unread.length && { exactMatch: estimate(exact) }),
    decoded: answers.length,
    unended: answers.filter(({ finishReason }) => finishReason !== "stop").length,
    skipped,
    losses,
    protocol: protocol(note, tokens) + (toDecode.length === unread.length ? exactNote(ends, toDecode, answers, items.length) : ""),
  };
}

function isExact({ ids, start }: AnswerItem, { best }: TokenScores, ends: readonly number[]): boolean {
  for (let t = start; t < ids.length; t++) {
    const id = ids[t] as number;
    // Decoding ends at an end token, so an answer with one in it is never given.
    if (best[t - 1] !== id || ends.includes(id)) return false;
  }
  return ends.length === 0 || ends.includes(best[ids.length - 1] as number);
}

function protocol(rows: string, tokens: number): string {
  return `answers: ${rows}, mean over ${tokens} answer tokens given prompt and answer so far`;
}

/** How exact matches were found, and what kept some decoded answers from ending. */
function exactNote(ends: readonly number[], rows: readonly DecodedRow[], answers: readonly DecodedAnswer[], documents: number): string {
  const end = ends.length > 0 ? `, then end token ${ends.join(" or ")}` : "";
  const note = `; exact match by greedy decoding${end}`;
  if (rows.length === 0) return note;
  const ended = (reason: DecodedAnswer["finishReason"]): number => answers.filter(({ finishReason }) => finishReason === reason).length;
  const cut = [
    ...(ended("length") > 0 ? [`${ended("length")} cut there`] : []),
    ...(ended("positions") > 0 ? [`${ended("positions")} cut before that at the model's last position`] : []),
  ];
  const which = rows.length === documents ? "" : `${rows.length} of them `;
  const limit = [...new Set(rows.map(({ maxTokens }) => maxTokens))].sort((a, b) => a - b).join(" or ");
  return `${note}; ${which}decoded, up to ${limit} tokens${cut.length > 0 ? ` (${cut.join(", ")})` : ""}, and compared in the part that counts`;
}

function sum(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0);
}
