import { type Document, SecateurError } from "@secateur/kit";
import { scoreSequences } from "@secateur/runner";
import { evaluationWindows } from "@secateur/text";
import type { Setting } from "./evaluate.ts";
import { pooledLoss } from "./statistics.ts";

/** Perplexity of running text: exp of the mean −log p over all predicted tokens. */
export interface PerplexityResult {
  readonly metric: "perplexity";
  readonly perplexity: number;
  /** Mean −log p, natural logarithm. */
  readonly nll: number;
  readonly predictedTokens: number;
  readonly windows: number;
  readonly windowTokens: number;
  readonly protocol: string;
}

/**
 * Perplexity of documents joined by a blank line, tokenised once and cut in windows without overlap, of which every token but the first is predicted.
 * Rows of token ids are windows as they are. Throws SecateurError `data` when there is nothing to predict.
 */
export async function evaluatePerplexity(setting: Setting, rows: readonly Document[]): Promise<PerplexityResult> {
  const given = rows.some(({ kind }) => kind === "ids");
  const all = given ? idWindows(rows, setting.windowTokens) : textWindows(setting, rows);
  const windows = all.slice(0, setting.samples);
  const scores = await scoreSequences(setting.engine, windows, setting);
  const sums = scores.map(({ loss }) => ({ loss: loss.reduce((sum, value) => sum + value, 0), tokens: loss.length }));
  const { loss, tokens } = pooledLoss(sums);
  return {
    metric: "perplexity",
    perplexity: Math.exp(loss),
    nll: loss,
    predictedTokens: tokens,
    windows: windows.length,
    windowTokens: setting.windowTokens,
    protocol: protocol(setting, given, windows.length, all.length),
  };
}

function textWindows(setting: Setting, rows: readonly Document[]): readonly Int32Array[] {
  const tokenizer = setting.tokenizer();
  const text = rows.map((row) => (row.kind === "text" ? row.text : row.kind === "answer" ? row.prompt + row.answer : "")).join("\n\n");
  return evaluationWindows(tokenizer.encode(text, rows[0]?.origin), setting.windowTokens, setting.begin ?? tokenizer.beginTokens);
}

function idWindows(rows: readonly Document[], windowTokens: number): Int32Array[] {
  const windows = rows
    .flatMap((row) => (row.kind === "ids" ? [Int32Array.from(row.ids.slice(0, windowTokens))] : []))
    .filter(({ length }) => length > 1);
  if (windows.length === 0) throw new SecateurError("data", "nothing to predict: no row has two tokens");
  return windows;
}

function protocol(setting: Setting, given: boolean, used: number, all: number): string {
  const share = used < all ? `the first ${used} of ${all} windows` : `${used} window${used === 1 ? "" : "s"}`;
  if (given) return `token-ppl: rows of token ids, each its own sequence, ${share}, T−1 predictions a window`;
  const begin = setting.begin ?? setting.tokenizer().beginTokens;
  const start = begin.length > 0 ? `, each after the begin token${begin.length > 1 ? "s" : ""} ${begin.join(", ")}` : "";
  return `token-ppl@${setting.windowTokens}: rows joined by a blank line, ${share} without overlap${start}, T−1 predictions a window`;
}
