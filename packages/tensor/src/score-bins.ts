import { kthSmallest } from "./kth-smallest.ts";

/** At most 4096 bins: few scores share one, and their counts stay in the fastest cache. */
const MOST_BIN_BITS = 12;

/** Of fewer the k-th is found faster by quickselect than by bins. */
const FEW_MEMBERS = 128;

/** What the selection from groups of the same scores works in, made once for all of them. */
export interface Bins {
  readonly scores: Float32Array;
  /** The same memory as the scores, read as patterns. */
  readonly patterns: Int32Array;
  /** The place of the lowest score, which is where the first bin starts. */
  readonly lowest: number;
  /** A bin is 2^shift places wide. */
  readonly shift: number;
  /** How many scores of the present group lie in each bin; 2^binBits bins. */
  readonly counts: Int32Array;
  readonly binBits: number;
  /** Where the scores of the one bin that must be parted stand, in order; grows as needed. */
  members: Int32Array;
  /** The scores of the members, when they are few. */
  readonly values: Float32Array;
}

/** Bins for groups of `size` over the scores from start to end; undefined when one of these is NaN. */
export function createBins(scores: Float32Array, size: number, start: number = 0, end: number = scores.length): Bins | undefined {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = start; i < end; i++) {
    const score = scores[i] as number;
    // Written so that NaN, which compares as false, is met on the path that is seldom taken.
    if (!(score >= low)) {
      if (Number.isNaN(score)) return undefined;
      low = score;
    }
    if (score > high) high = score;
  }
  const ends = new Int32Array(Float32Array.of(low, high).buffer);
  const lowest = placeOf(ends[0] as number);
  const span = placeOf(ends[1] as number) - lowest; // below 2³²
  const binBits = Math.min(MOST_BIN_BITS, 32 - Math.clz32(size));
  return {
    scores,
    patterns: new Int32Array(scores.buffer, scores.byteOffset, scores.length),
    lowest,
    shift: Math.max(0, 32 - Math.clz32(span) - binBits),
    counts: new Int32Array(2 ** binBits),
    binBits,
    members: new Int32Array(0),
    values: new Float32Array(FEW_MEMBERS),
  };
}

/**
 * Marks the `count` lowest of a group, 0 < count < its size, as `markLowest` describes. Two passes: one counts the scores by bins, which places the
 * last score to be marked in a bin; one marks by bins and sets aside the members of that bin. Throws a RangeError for a count that is not whole.
 */
export function markGroup(bins: Bins, count: number, mask: Uint8Array, start: number, end: number): number {
  if (!Number.isInteger(count)) throw new RangeError(`${count} scores are to be marked, wanted a whole number`);
  const { patterns, counts, lowest, shift } = bins;
  counts.fill(0);
  for (let i = start; i < end; i++) {
    const bin = (placeOf(patterns[i] as number) - lowest) >>> shift;
    counts[bin] = (counts[bin] as number) + 1;
  }
  let last = 0;
  let left = count;
  while (left > (counts[last] as number)) left -= counts[last++] as number;
  const size = counts[last] as number;
  if (bins.members.length < size) bins.members = new Int32Array(size);
  const { members } = bins;
  let found = 0;
  for (let i = start; i < end; i++) {
    const above = last - ((placeOf(patterns[i] as number) - lowest) >>> shift);
    mask[i] = above >>> 31; // 1 where it is negative: a jump would be guessed wrong for every other score
    if (above === 0) members[found++] = i;
  }
  return partMembers(bins, size, left, lowest + (last << shift), mask);
}

/**
 * Marks the `count` lowest of the first `size` members of the bin that starts at the place `lowest`, and unmarks the others. While they are many they
 * are parted by bins within the bin, which ends, however they are spread, with a bin one place wide. Places may leave 32 bits here, but their
 * differences, which `>>>` takes modulo 2³², do not. Returns the ties.
 */
function partMembers(bins: Bins, size: number, count: number, lowest: number, mask: Uint8Array): number {
  const { patterns, counts, members, binBits } = bins;
  let [shift, found, left, first] = [bins.shift, size, count, lowest];
  while (found > FEW_MEMBERS && shift > 0) {
    shift = Math.max(0, shift - binBits);
    counts.fill(0);
    for (let m = 0; m < found; m++) {
      const bin = (placeOf(patterns[members[m] as number] as number) - first) >>> shift;
      counts[bin] = (counts[bin] as number) + 1;
    }
    let last = 0;
    while (left > (counts[last] as number)) left -= counts[last++] as number;
    const before = found;
    found = 0;
    for (let m = 0; m < before; m++) {
      const i = members[m] as number;
      const above = last - ((placeOf(patterns[i] as number) - first) >>> shift);
      mask[i] = above >>> 31;
      if (above === 0) members[found++] = i;
    }
    first += last << shift;
  }
  return shift > 0 ? partFew(bins, found, left, mask) : partEqual(members, found, left, mask);
}

/** Marks the `count` lowest of the first `size` members, at most FEW_MEMBERS, and unmarks the others. */
function partFew(bins: Bins, size: number, count: number, mask: Uint8Array): number {
  const { scores, members, values } = bins;
  for (let m = 0; m < size; m++) values[m] = scores[members[m] as number] as number;
  const threshold = kthSmallest(values, count - 1, 0, size);
  let [left, equal] = [count, 0];
  for (let m = 0; m < size; m++) {
    const i = members[m] as number;
    const score = scores[i] as number;
    mask[i] = +(score > threshold);
    if (score < threshold) left--;
    else if (score === threshold) members[equal++] = i;
  }
  return partEqual(members, equal, left, mask);
}

/** Marks the first `count` of the first `size` members, which have equal scores, and unmarks the others. */
function partEqual(members: Int32Array, size: number, count: number, mask: Uint8Array): number {
  for (let m = 0; m < size; m++) mask[members[m] as number] = +(m >= count);
  return size > count ? count : 0;
}

/** A whole number, for a pattern of an f32 that is not NaN, that orders as the numbers do: both zeros have place 0, the negative ones mirror the others. */
function placeOf(pattern: number): number {
  const sign = pattern >> 31;
  return ((pattern & 0x7fffffff) ^ sign) - sign;
}
