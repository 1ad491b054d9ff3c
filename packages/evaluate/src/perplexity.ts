import { type Document, SecateurError } from "@secateur/kit";
import { scoreSequences } from "@secateur/runner";
import { evaluationWindows } from "@secateur/text";
import { rowError } from "./row-error.ts";
import { beginOf, type Setting } from "./setting.ts";
import { type DocumentLoss, pooledLoss } from "./statistics.ts";

/** Perplexity of running text: exp of the mean −log p over all predicted tokens. */
export interface PerplexityResult {
  readonly metric: "perplexity";
  readonly perplexity: number;
  /** Mean −log p, natural logarithm. */
  readonly nll: number;
  /** Of `nll`, over windows. */
  readonly standardError: number;
  readonly predictedTokens: number;
  readonly windows: number;
  readonly windowTokens: number;
  /** A window's each. */
  readonly losses: readonly DocumentLoss[];
  readonly protocol: string;
}

/**
 * Perplexity of documents joined by a blank line, tokenised once and cut in windows without overlap, of which every token but the first is predicted.
 * Rows of token ids are windows of their own, cut to a window's length. Throws SecateurError `data` when there is nothing to predict.
 */
export async function evaluatePerplexity(setting: Setting, rows: readonly Document[]): Promise<PerplexityResult> {
  const { windows, note } = windowsOf(setting, rows);
  const scores = await scoreSequences(setting.engine, windows, setting);
  const losses = scores.map(({ loss }) => ({ loss: loss.reduce((sum, value) => sum + value, 0), tokens: loss.length }));
  const { value: nll, standardError, tokens } = pooledLoss(losses);
  return {
    metric: "perplexity",
    perplexity: Math.exp(nll),
    nll,
    standardError,
    predictedTokens: tokens,
    windows: windows.length,
    windowTokens: setting.windowTokens,
    losses,
    protocol: `token-ppl@${setting.windowTokens}: ${note}, T−1 predictions a window`,
  };
}

/** The windows that documents are measured in, and how they were cut. Throws SecateurError `data` when there is nothing to predict. */
export function windowsOf(setting: Setting, rows: readonly Document[]): { readonly windows: readonly Int32Array[]; readonly note: string } {
  const given = rows.some(({ kind }) => kind === "ids");
  const { all, note } = given ? idWindows(setting, rows) : textWindows(setting, rows);
  const windows = all.slice(0, setting.samples);
  const [used, of] = [windows.length, all.length];
  return { windows, note: note(used < of ? `the first ${used} of ${of} windows` : `${used} window${used === 1 ? "" : "s"}`) };
}

interface Windows {
  readonly all: readonly Int32Array[];
  /** Says how they were cut, of so many windows. */
  readonly note: (share: string) => string;
}

function textWindows(setting: Setting, rows: readonly Document[]): Windows {
  const begin = beginOf(setting);
  const text = rows.map((row) => (row.kind === "text" ? row.text : row.kind === "answer" ? row.prompt + row.answer : "")).join("\n\n");
  const start = begin.length > 0 ? `, each after the begin token${begin.length > 1 ? "s" : ""} ${begin.join(", ")}` : "";
  return {
    all: evaluationWindows(setting.tokenizer().encode(text, rows[0]?.origin), setting.windowTokens, begin),
    note: (share) => `rows joined by a blank line, ${share} without overlap${start}`,
  };
}

function idWindows({ windowTokens, engine }: Setting, rows: readonly Document[]): Windows {
  const given = rows.flatMap((row) => (row.kind === "ids" ? [row] : []));
  const { vocabulary } = engine.description;
  for (const { ids, origin } of given) {
    const wrong = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabulary));
    if (wrong !== undefined) throw rowError(origin, `token id ${wrong} was found, the model's vocabulary ends at ${vocabulary - 1}`);
  }
  const all = given.filter(({ ids }) => ids.length > 1).map(({ ids }) => Int32Array.from(ids.slice(0, windowTokens)));
  if (all.length === 0) throw new SecateurError("data", "nothing to predict: no row has two tokens");
  const cut = given.filter(({ ids }) => ids.length > windowTokens).length;
  const short = given.length - all.length;
  const changes = `${cut > 0 ? `, ${cut} cut to ${windowTokens} tokens` : ""}${short > 0 ? `, ${short} of fewer than two left out` : ""}`;
  return { all, note: (share) => `rows of token ids, each its own sequence${changes}, ${share}` };
}
