import type { Document } from "@secateur/kit";
import { scoreSequences, type TokenScores } from "@secateur/runner";
import { encodePair } from "@secateur/text";
import { rowError } from "./row-error.ts";
import { beginOf, type Setting } from "./setting.ts";
import { type DocumentLoss, type Estimate, estimate, pooledLoss } from "./statistics.ts";

/** How often a model finds the right choice the likeliest, by lm-evaluation-harness's definitions. */
export interface ChoicesResult {
  readonly metric: "choices";
  /** By the sum of the log-probabilities of a choice's tokens. */
  readonly acc: Estimate;
  /** By that sum divided by the choice's characters (code points), its leading space not counted. */
  readonly accNorm: Estimate;
  /** Mean −log of the right choice's share of the probability of all choices: what accuracy counts, without its steps. */
  readonly nll: number;
  /** Of `nll`, over documents. */
  readonly standardError: number;
  readonly documents: number;
  /** A document's each, as one prediction. */
  readonly losses: readonly DocumentLoss[];
  /** Per document, each choice's log-likelihood. */
  readonly logLikelihoods: readonly (readonly number[])[];
  readonly protocol: string;
}

/** Scores each row's choices as continuations of its prompt. Throws SecateurError `data` for a row with a choice that does not fit the window, or of which no token is predicted. */
export async function evaluateChoices(setting: Setting, rows: readonly Document[]): Promise<ChoicesResult> {
  const tokenizer = setting.tokenizer();
  const begin = beginOf(setting);
  const documents = rows.flatMap((row) => (row.kind === "choices" ? [row] : []));
  const items = documents.flatMap(({ prompt, choices, origin }) =>
    choices.map((choice, c) => {
      const pair = encodePair(tokenizer, prompt, choice, origin);
      const ids = Int32Array.from([...begin, ...pair.ids]);
      const start = Math.max(1, begin.length + pair.start);
      if (ids.length > setting.windowTokens)
        throw rowError(origin, `prompt and choice ${c + 1} have ${ids.length} tokens, the window ${setting.windowTokens}`);
      // Without a token its sum would be 0, and it would always win.
      if (ids.length <= start)
        throw rowError(origin, `choice ${c + 1}, ${JSON.stringify(choice)}, has no token of its own after the prompt: nothing to predict`);
      return { ids, start };
    }),
  );
  const scores = await scoreSequences(
    setting.engine,
    items.map(({ ids }) => ids),
    setting,
  );
  const sums = items.map(({ start }, i) => -(scores[i] as TokenScores).loss.subarray(start - 1).reduce((total, value) => total + value, 0));
  const logLikelihoods: number[][] = [];
  let at = 0;
  for (const { choices } of documents) {
    logLikelihoods.push(sums.slice(at, at + choices.length));
    at += choices.length;
  }
  const hits = (score: (sum: number, choice: string) => number): Estimate =>
    estimate(
      documents.map(({ choices, answer }, d) =>
        likeliest((logLikelihoods[d] as number[]).map((sum, c) => score(sum, choices[c] as string))) === answer ? 1 : 0,
      ),
    );
  const losses = documents.map(({ answer }, d) => ({ loss: lossOf(logLikelihoods[d] as number[], answer), tokens: 1 }));
  const { value: nll, standardError } = pooledLoss(losses);
  return {
    metric: "choices",
    acc: hits((sum) => sum),
    accNorm: hits((sum, choice) => sum / Math.max(1, [...choice.trimStart()].length)),
    nll,
    standardError,
    documents: documents.length,
    losses,
    logLikelihoods,
    protocol: `choices: ${documents.length} row${documents.length === 1 ? "" : "s"}, the likeliest continuation of the prompt by the sum of its tokens' log-probabilities (acc), and per character (acc_norm)`,
  };
}

function likeliest(scores: readonly number[]): number {
  return scores.indexOf(Math.max(...scores));
}

/** −log of the right choice's share, from log-likelihoods of any size. */
function lossOf(logLikelihoods: readonly number[], answer: number): number {
  const most = Math.max(...logLikelihoods);
  const sum = logLikelihoods.reduce((total, one) => total + Math.exp(one - most), 0);
  return most + Math.log(sum) - (logLikelihoods[answer] as number); // a row's answer is one of its choices
}
