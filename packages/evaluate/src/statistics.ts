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

/** Mean −log p over all predictions of several documents, each weighing by its number of predictions: not a mean of means. */
export function pooledLoss(documents: readonly { readonly loss: number; readonly tokens: number }[]): { loss: number; tokens: number } {
  const tokens = documents.reduce((sum, document) => sum + document.tokens, 0);
  return { loss: documents.reduce((sum, document) => sum + document.loss, 0) / tokens, tokens };
}
