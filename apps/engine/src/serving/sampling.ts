import { likeliestTokens } from "@secateur/runner";
import type { Random } from "@secateur/tensor";
import type { Sampling } from "./messages.ts";

/** Draws a token by its logits (vocabulary). */
export function sampleToken(logits: Float32Array, { temperature, topP }: Omit<Sampling, "seed">, random: Random): number {
  const best = likeliestTokens(logits, 1).ids[0] as number; // a vocabulary has a token
  if (temperature === 0) return best;
  const most = logits[best] as number;
  const weights = logits.map((logit) => Math.exp((logit - most) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (topP === 1) return draw(weights.keys(), weights, random.next() * total);
  // All tokens below this weight have less than 1 − topP of the total together, so that the likeliest that make up topP are among the others, which are few.
  const least = ((1 - topP) * total) / weights.length;
  const order = Int32Array.from(weights.keys())
    .filter((id) => (weights[id] as number) >= least)
    .sort((a, b) => (weights[b] as number) - (weights[a] as number) || a - b);
  let [count, share] = [0, 0];
  while (count < order.length && (count === 0 || share < topP * total)) share += weights[order[count++] as number] as number;
  return draw(order.subarray(0, count), weights, random.next() * share);
}

/** The token at which the weights of tokens, added up in their order, pass a mark. */
function draw(ids: Iterable<number>, weights: Float32Array, mark: number): number {
  let [sum, last] = [0, 0];
  for (const id of ids) {
    const weight = weights[id] as number;
    if (weight === 0) continue;
    sum += weight;
    last = id;
    if (sum > mark) break;
  }
  return last;
}
