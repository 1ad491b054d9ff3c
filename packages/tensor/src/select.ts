import { createBins, markGroup } from "./score-bins.ts";
import { markEights, markFew, markFours } from "./small-groups.ts";

/** Below it what the bins need costs more than they spare. */
const FEW = 128;

/**
 * Marks the `count` lowest of `scores[start … end)` with 0 in `mask` and the others with 1; equal scores are taken by lower index first, so that
 * exactly `count` are marked. `scratch` holds at least as many values as the range and is overwritten. Returns how many of the marked share the
 * highest marked score with an unmarked one (ties that the index decided). Throws a RangeError for a score that is NaN or a scratch too short. For
 * many groups of the same scores `markLowestOfEach` is faster.
 */
export function markLowest(
  scores: Float32Array,
  count: number,
  mask: Uint8Array,
  scratch: Float32Array,
  start: number = 0,
  end: number = scores.length,
): number {
  const n = end - start;
  if (count <= 0 || count >= n) {
    mask.fill(count >= n ? 0 : 1, start, end);
    return 0;
  }
  if (scratch.length < n) throw new RangeError(`the scratch holds ${scratch.length} values, but ${n} scores are to be selected from`);
  let ties = Number.NaN;
  if (n < FEW) ties = markFew(scores, count, mask, scratch, start, end);
  else {
    const bins = createBins(scores, n, start, end);
    if (bins) ties = markGroup(bins, count, mask, start, end);
  }
  if (Number.isNaN(ties)) throw new RangeError(`the scores from ${start} to ${end} have a NaN among them`);
  return ties;
}

/**
 * Marks as `markLowest` does in each group of `size` consecutive scores, `count` in every one or as many as it says for the group of that index.
 * Returns the ties of all groups, or NaN when one of the scores is NaN: the mask is then of no use. Throws a RangeError when the scores do not part
 * into such groups.
 */
export function markLowestOfEach(
  scores: Float32Array,
  size: number,
  count: number | ((group: number) => number),
  mask: Uint8Array,
): number {
  if (scores.length === 0) return 0;
  if (scores.length % size !== 0) throw new RangeError(`${scores.length} scores do not part into groups of ${size}`);
  if (typeof count === "number" && Number.isInteger(count) && count > 0 && count < size) {
    if (size === 4) return markFours(scores, count, mask);
    if (size === 8) return markEights(scores, count, mask);
  }
  const bins = createBins(scores, size);
  if (!bins) return Number.NaN;
  const countOf = typeof count === "number" ? () => count : count;
  let ties = 0;
  for (let start = 0, group = 0; start < scores.length; start += size, group++) {
    const lowest = countOf(group);
    if (lowest <= 0 || lowest >= size) mask.fill(lowest <= 0 ? 1 : 0, start, start + size);
    else ties += markGroup(bins, lowest, mask, start, start + size);
  }
  return ties;
}
