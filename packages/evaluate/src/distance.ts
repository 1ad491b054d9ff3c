import { type Document, SecateurError } from "@secateur/kit";
import { compareSequences, type Engine } from "@secateur/runner";
import { modelTokenizer } from "@secateur/text";
import { answerItems } from "./answer-items.ts";
import { windowsOf } from "./perplexity.ts";
import type { Setting } from "./setting.ts";
import { type DocumentLoss, type Estimate, pooledLoss } from "./statistics.ts";

/** How far what a model says is from what another says, such as the dense model that it was pruned from. */
export interface DistanceResult {
  readonly metric: "distance";
  /** Mean KL(other ‖ model) of a prediction, in nats; 0 where both say the same. */
  readonly divergence: Estimate;
  /** The share of predictions of which both find the same token the likeliest. */
  readonly agreement: Estimate;
  readonly predictedTokens: number;
  /** Windows of text, or rows. */
  readonly documents: number;
  /** A document's each: the sum of its divergences. */
  readonly losses: readonly DocumentLoss[];
  readonly protocol: string;
}

/** Tokens of which those from `start` on, at least 1, are predicted. */
interface Predicted {
  readonly ids: Int32Array;
  readonly start: number;
}

/**
 * Compares two models at the predictions of a metric: of windows of running text as for the perplexity, or of answers given their prompts. Standard errors are over documents. Throws
 * SecateurError `data` when there is nothing to predict or the two make other tokens of the data, and `unsupported` for models that cannot be compared.
 */
export async function evaluateDistance(
  setting: Setting,
  other: Engine,
  rows: readonly Document[],
  by: "perplexity" | "answers",
): Promise<DistanceResult> {
  const { items, note } = predictedOf(setting, rows, by);
  if (rows.some(({ kind }) => kind !== "ids")) checkTokens(setting, other, rows, by, items);
  const found = await compareSequences(
    setting.engine,
    other,
    items.map(({ ids }) => ids),
    setting,
  );
  const pooled = (of: (i: number) => ArrayLike<number> & { subarray(start: number, end: number): Iterable<number> }): DocumentLoss[] =>
    items.map(({ ids, start }, i) => {
      const predictions = of(i).subarray(start - 1, ids.length - 1); // what is said after a token is of the next one
      return { loss: [...predictions].reduce((sum, value) => sum + value, 0), tokens: ids.length - start };
    });
  const losses = pooled((i) => (found[i] as (typeof found)[number]).divergence);
  const { tokens, ...divergence } = pooledLoss(losses);
  const { value, standardError } = pooledLoss(pooled((i) => (found[i] as (typeof found)[number]).agrees));
  return {
    metric: "distance",
    divergence,
    agreement: { value, standardError },
    predictedTokens: tokens,
    documents: items.length,
    losses,
    protocol: `distance: KL(other ‖ model) and the same likeliest token, mean over ${tokens} predictions; ${note}`,
  };
}

function predictedOf(
  setting: Setting,
  rows: readonly Document[],
  by: "perplexity" | "answers",
): { readonly items: readonly Predicted[]; readonly note: string } {
  if (by === "answers") {
    const { items, note } = answerItems(setting, rows);
    return { items, note: `${note}, answers given their prompts` };
  }
  const { windows, note } = windowsOf(setting, rows);
  return { items: windows.map((ids) => ({ ids, start: 1 })), note: `windows of ${setting.windowTokens} tokens, ${note}` };
}

/** Ids of one model are nonsense to one of other tokens. */
function checkTokens(
  setting: Setting,
  { model }: Engine,
  rows: readonly Document[],
  by: "perplexity" | "answers",
  items: readonly Predicted[],
): void {
  if (!model.tokenizer) return;
  const tokenizer = modelTokenizer(model);
  const theirs = predictedOf({ ...setting, tokenizer: () => tokenizer }, rows, by).items;
  const same = theirs.length === items.length && items.every(({ ids }, i) => ids.every((id, t) => id === theirs[i]?.ids[t]));
  if (!same)
    throw new SecateurError(
      "data",
      `${setting.engine.model.source} and ${model.source} cannot be compared: their tokenizers make other tokens of the data`,
    );
}
