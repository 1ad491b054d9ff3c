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
