import { kthSmallest } from "./kth-smallest.ts";

/** Marks the `count` lowest of one range, 0 < count < its size, as `markLowest` describes; returns the ties, or NaN when a score is NaN. */
export function markFew(scores: Float32Array, count: number, mask: Uint8Array, scratch: Float32Array, start: number, end: number): number {
  const n = end - start;
  for (let i = 0; i < n; i++) {
    const score = scores[start + i] as number;
    if (Number.isNaN(score)) return Number.NaN;
    scratch[i] = score;
  }
  const threshold = kthSmallest(scratch, count - 1, 0, n);
  let surplus = n - count;
  for (let i = start; i < end; i++) {
    const kept = +((scores[i] as number) > threshold);
    mask[i] = kept;
    surplus -= kept;
  }
  return surplus > 0 ? unmark(scores, surplus, mask, start, end) : 0;
}

// A group of four or eight is ranked by comparing all with all. Comparisons are added up as numbers, since their outcomes are random and a jump on each
// would be guessed wrong every other time; and the group is read into variables, since a loop over it costs more than the comparisons.

/** Marks the `count` lowest of each four scores, 0 < count < 4, as `markLowest` describes; returns the ties, or NaN when a score is NaN. */
export function markFours(scores: Float32Array, count: number, mask: Uint8Array): number {
  let [ties, invalid] = [0, 0];
  for (let start = 0; start < scores.length; start += 4) {
    const a = scores[start] as number;
    const b = scores[start + 1] as number;
    const c = scores[start + 2] as number;
    const d = scores[start + 3] as number;
    let surplus = 4 - count;
    for (let i = start; i < start + 4; i++) {
      const score = scores[i] as number;
      const lower = +(a < score) + +(b < score) + +(c < score) + +(d < score);
      const kept = +(lower >= count);
      mask[i] = kept;
      surplus -= kept;
      invalid += +Number.isNaN(score);
    }
    if (surplus > 0) ties += unmark(scores, surplus, mask, start, start + 4);
  }
  return invalid > 0 ? Number.NaN : ties;
}

/** Marks the `count` lowest of each eight scores, 0 < count < 8, as `markLowest` describes; returns the ties, or NaN when a score is NaN. */
export function markEights(scores: Float32Array, count: number, mask: Uint8Array): number {
  let [ties, invalid] = [0, 0];
  for (let start = 0; start < scores.length; start += 8) {
    const a = scores[start] as number;
    const b = scores[start + 1] as number;
    const c = scores[start + 2] as number;
    const d = scores[start + 3] as number;
    const e = scores[start + 4] as number;
    const f = scores[start + 5] as number;
    const g = scores[start + 6] as number;
    const h = scores[start + 7] as number;
    let surplus = 8 - count;
    for (let i = start; i < start + 8; i++) {
      const score = scores[i] as number;
      const lowerOfFirst = +(a < score) + +(b < score) + +(c < score) + +(d < score);
      const lowerOfLast = +(e < score) + +(f < score) + +(g < score) + +(h < score);
      const kept = +(lowerOfFirst + lowerOfLast >= count);
      mask[i] = kept;
      surplus -= kept;
      invalid += +Number.isNaN(score);
    }
    if (surplus > 0) ties += unmark(scores, surplus, mask, start, start + 8);
  }
  return invalid > 0 ? Number.NaN : ties;
}

/**
 * Ranking by value marks all or none of equal scores: unmarks, of the marked that share the highest marked score, the last `surplus`. Returns how many
 * of them stay marked.
 */
function unmark(scores: Float32Array, surplus: number, mask: Uint8Array, start: number, end: number): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (let i = start; i < end; i++) if (mask[i] === 0) highest = Math.max(highest, scores[i] as number);
  let [left, ties] = [surplus, 0];
  for (let i = end - 1; i >= start; i--) {
    if (scores[i] !== highest) continue;
    if (left > 0) {
      mask[i] = 1;
      left--;
    } else ties++;
  }
  return ties;
}
