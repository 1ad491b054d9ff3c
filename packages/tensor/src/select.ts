/**
 * The k-th smallest (0-based) of `values[start … end)`, found in place: afterwards the values before position `start + k` are no larger and those
 * after it no smaller. Values must not be NaN. Quickselect, which gives over to sorting what is left when its pivots are bad, so that no input is
 * quadratic. Throws a RangeError when k is outside the range.
 */
export function kthSmallest(values: Float32Array, k: number, start: number = 0, end: number = values.length): number {
  if (!(Number.isInteger(k) && k >= 0 && start >= 0 && start + k < end && end <= values.length)) {
    throw new RangeError(`position ${k} is outside the values from ${start} to ${end} of ${values.length}`);
  }
  const target = start + k;
  let low = start;
  let high = end - 1;
  let passesLeft = 2 * (32 - Math.clz32(high - low)); // good pivots halve the range: log2 of it are enough
  while (low < high) {
    if (passesLeft-- === 0) {
      values.subarray(low, high + 1).sort();
      break;
    }
    const pivot = medianOfThree(values[low] as number, values[(low + high) >>> 1] as number, values[high] as number);
    let i = low;
    let j = high;
    while (i <= j) {
      while ((values[i] as number) < pivot) i++;
      while ((values[j] as number) > pivot) j--;
      if (i <= j) {
        const swap = values[i] as number;
        values[i++] = values[j] as number;
        values[j--] = swap;
      }
    }
    if (target <= j) high = j;
    else if (target >= i) low = i;
    else break;
  }
  return values[target] as number;
}

function medianOfThree(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

/**
 * Marks the `count` lowest of `scores[start … end)` with 0 in `mask` and the others with 1; equal scores are taken by lower index first, so that
 * exactly `count` are marked. `scratch` holds at least as many values as the range and is overwritten. Returns how many of the marked share the
 * highest marked score with an unmarked one (ties that the index decided). Throws a RangeError for a score that is NaN or a scratch too short.
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
  mask.fill(count >= n ? 0 : 1, start, end);
  if (count <= 0 || count >= n) return 0;
  if (scratch.length < n) throw new RangeError(`the scratch holds ${scratch.length} values, but ${n} scores are to be selected from`);
  for (let i = 0; i < n; i++) scratch[i] = scores[start + i] as number;
  const threshold = kthSmallest(scratch, count - 1, 0, n);
  let below = 0;
  let equal = 0;
  for (let i = start; i < end; i++) {
    const score = scores[i] as number;
    if (score > threshold) continue;
    if (score < threshold) {
      mask[i] = 0;
      below++;
    } else if (score === threshold) equal++;
    else throw new RangeError(`the scores from ${start} to ${end} have a NaN among them`);
  }
  const taken = count - below;
  let left = taken;
  for (let i = start; left > 0 && i < end; i++) {
    if (scores[i] === threshold) {
      mask[i] = 0;
      left--;
    }
  }
  return equal > taken ? taken : 0;
}
