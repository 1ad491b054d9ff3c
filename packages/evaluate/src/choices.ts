import { type Document, SecateurError } from "@secateur/kit";
import { scoreSequences, type TokenScores } from "@secateur/runner";
import { encodePair } from "@secateur/text";
import type { Setting } from "./evaluate.ts";
import { type Estimate, estimate } from "./statistics.ts";

/** How often a model finds the right choice the likeliest, by lm-evaluation-harness's definitions. */
export interface ChoicesResult {
  readonly metric: "choices";
  /** By the sum of the log-probabilities of a choice's tokens. */
  readonly acc: Estimate;
  /** By that sum divided by the choice's characters, its leading space not counted. */
  readonly accNorm: Estimate;
  readonly documents: number;
  /** Per document, each choice's log-likelihood. */
  readonly logLikelihoods: readonly (readonly number[])[];
  readonly protocol: string;
}

/** Scores each row's choices as continuations of its prompt. Throws SecateurError `data` for a row that does not fit the window. */
export async function evaluateChoices(setting: Setting, rows: readonly Document[]): Promise<ChoicesResult> {
  const tokenizer = setting.tokenizer();
  const begin = setting.begin ?? tokenizer.beginTokens;
  const documents = rows.flatMap((row) => (row.kind === "choices" ? [row] : []));
  const items = documents.flatMap(({ prompt, choices, origin }) =>
    choices.map((choice) => {
      const { ids, start } = encodePair(tokenizer, prompt, choice, origin);
      if (begin.length + ids.length > setting.windowTokens) {
        throw new SecateurError(
          "data",
          `${origin.source}, line ${origin.line}: prompt and choice have ${begin.length + ids.length} tokens, the window ${setting.windowTokens}`,
          {
            where: { file: origin.source, line: origin.line },
          },
        );
      }
      return { ids: Int32Array.from([...begin, ...ids]), start: Math.max(1, begin.length + start) };
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
  return {
    metric: "choices",
    acc: hits((sum) => sum),
    accNorm: hits((sum, choice) => sum / choice.trimStart().length),
    documents: documents.length,
    logLikelihoods,
    protocol: `choices: ${documents.length} rows, the likeliest continuation of the prompt by the sum of its tokens' log-probabilities (acc), and per character (acc_norm)`,
  };
}

function likeliest(scores: readonly number[]): number {
  return scores.indexOf(Math.max(...scores));
}
