import { SecateurError } from "@secateur/kit";

/** A mean over documents and its standard error. */
export interface Estimate {
  readonly value: number;
  readonly standardError: number;
}

/** The mean of some values and the standard error of that mean, s/√n with the sample's standard deviation; 0 for fewer than two values. */
export function estimate(values: readonly number[]): Estimate {
  const n = values.length;
  const value = values.reduce((sum, x) => sum + x, 0) / n;
  const squares = values.reduce((sum, x) => sum + (x - value) ** 2, 0);
  return { value, standardError: n < 2 ? 0 : Math.sqrt(squares / (n - 1) / n) };
}

/** What one document, or one window of text, adds to a loss. Two models that are measured on the same data have them in the same order, so that their difference can be taken document by document. */
export interface DocumentLoss {
  /** Sum of −log p over its predictions, natural logarithm. */
  readonly loss: number;
  /** How many predictions. */
  readonly tokens: number;
}

/** Mean −log p over all predictions of several documents, each weighing by its number of predictions: not a mean of means. With its standard error over documents. */
export function pooledLoss(documents: readonly DocumentLoss[]): Estimate & { readonly tokens: number } {
  return { ...combinedLoss([{ factor: 1, documents }]), tokens: documents.reduce((sum, { tokens }) => sum + tokens, 0) };
}

/**
 * Σ factor·mean −log p over measurements of the same documents, such as the difference of two models. Its standard error is of the paired differences, as that of
 * a ratio of two sums over documents: √(n/(n−1)·Σdᵢ²)/Σtokensᵢ with dᵢ = Σ factor·(lossᵢ − mean·tokensᵢ); 0 for fewer than two documents.
 */
export function combinedLoss(measurements: readonly { readonly factor: number; readonly documents: readonly DocumentLoss[] }[]): Estimate {
  const n = measurements[0]?.documents.length ?? 0;
  const differences = new Float64Array(n);
  let [value, all] = [0, 0];
  for (const { factor, documents } of measurements) {
    const tokens = documents.reduce((sum, document) => sum + document.tokens, 0);
    if (documents.length !== n || (all !== 0 && tokens !== all))
      throw new SecateurError(
        "internal",
        `losses of ${documents.length} documents and ${tokens} tokens stand beside those of ${n} and ${all}`,
      );
    all = tokens;
    const mean = documents.reduce((sum, { loss }) => sum + loss, 0) / tokens;
    value += factor * mean;
    for (const [i, { loss, tokens: own }] of documents.entries())
      differences[i] = (differences[i] as number) + factor * (loss - mean * own);
  }
  const squares = differences.reduce((sum, difference) => sum + difference ** 2, 0);
  return { value, standardError: n < 2 ? 0 : Math.sqrt((squares * n) / (n - 1)) / all };
}
