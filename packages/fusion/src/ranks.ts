const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

/**
 * Writes each score's rank (0 = lowest) among `scores` to `ranks`; equal scores, 0 and −0 included, rank by index. Scores must not be NaN.
 * A radix sort in three passes, so that a whole matrix takes time in proportion to its size.
 */
export function ranksOf(scores: Float32Array, ranks: Uint32Array): void {
  const n = scores.length;
  const keys = orderedKeys(scores);
  let order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  let next = new Uint32Array(n);
  const counts = new Uint32Array(DIGITS);
  for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
    counts.fill(0);
    for (let i = 0; i < n; i++) {
      const digit = ((keys[i] as number) >>> shift) % DIGITS;
      counts[digit] = (counts[digit] as number) + 1;
    }
    let place = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      const count = counts[digit] as number;
      counts[digit] = place;
      place += count;
    }
    for (let i = 0; i < n; i++) {
      const at = order[i] as number;
      const digit = ((keys[at] as number) >>> shift) % DIGITS;
      const to = counts[digit] as number;
      next[to] = at;
      counts[digit] = to + 1;
    }
    [order, next] = [next, order];
  }
  for (let rank = 0; rank < n; rank++) ranks[order[rank] as number] = rank;
}

/** Unsigned whole numbers in the order of the scores: a negative number's bits are turned over, a positive one's sign bit is set. */
function orderedKeys(scores: Float32Array): Uint32Array {
  const keys = new Uint32Array(scores.map((score) => score + 0).buffer); // −0 becomes 0
  for (let i = 0; i < keys.length; i++) {
    const word = keys[i] as number;
    keys[i] = word >>> 31 ? ~word : word | 0x80000000;
  }
  return keys;
}
