/** The likeliest tokens of a place, from the likeliest on; of equal ones the one with the lower id first. */
export interface LikelyTokens {
  readonly ids: Int32Array; // (count)
  readonly logProbs: Float32Array; // (count), natural logarithms
}

/** The logarithm of what the exponentials of logits add up to: a logit less this is the token's log-probability. */
export function logSumExp(logits: Float32Array): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const logit of logits) if (!(logit <= most)) most = logit; // a NaN stays
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - most);
  return most + Math.log(sum);
}

/** The `count` likeliest tokens by their logits (vocabulary); fewer where the vocabulary has fewer. */
export function likeliestTokens(logits: Float32Array, count: number, sum: number = logSumExp(logits)): LikelyTokens {
  const ids = new Int32Array(Math.min(count, logits.length));
  let filled = 0;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (filled === ids.length && !(filled > 0 && logit > (logits[ids[filled - 1] as number] as number))) continue;
    let at = filled < ids.length ? filled++ : filled - 1;
    for (; at > 0 && logit > (logits[ids[at - 1] as number] as number); at--) ids[at] = ids[at - 1] as number;
    ids[at] = id;
  }
  return { ids, logProbs: Float32Array.from(ids, (id) => (logits[id] as number) - sum) };
}
