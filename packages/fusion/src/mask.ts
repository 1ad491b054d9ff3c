import { type Mask, SecateurError, type Selection } from "@secateur/kit";
import { kthSmallest, markLowestOfEach } from "@secateur/tensor";

/** A mask (rows, cols), row-major, 1 = kept, and how it came about. */
export interface MaskResult {
  readonly mask: Mask;
  /** How many weights are pruned. */
  readonly pruned: number;
  /** How many of the pruned have the same score as a kept one of their group: the index decided. */
  readonly ties: number;
}

/** How much of a matrix is pruned: a share of each group, from 0 to 1, exactly so many of all its weights, or so many of each row. */
export type Amount = number | { readonly count: number } | { readonly rows: readonly number[] };

/** An N:M pattern: of each `of` consecutive inputs of a row `keep` stay. */
export interface Pattern {
  readonly keep: number;
  readonly of: number;
}

/**
 * How many of n weights a ratio prunes: ⌊n·ratio⌋ of the decimal that the ratio stands for. Neither 0.29 nor 100 · 0.29 is exact in binary, and
 * both errors together stay below 2⁻⁵² of the product, so a product less than 2⁻⁵⁰ of itself below a whole number is that number.
 * Throws SecateurError `input` for a ratio outside 0 … 1.
 */
export function pruneCount(n: number, ratio: number): number {
  if (!(ratio >= 0 && ratio <= 1)) throw new SecateurError("input", `the ratio ${ratio} was given, wanted a number from 0 to 1`);
  return Math.min(n, Math.floor(n * ratio * (1 + 2 ** -50)));
}

/**
 * Masks the lowest scores (rows, cols) of each row or of the matrix. A ratio prunes `pruneCount` of each group; a count exactly so many of the matrix,
 * spread over the rows, where they are the groups, so that no two differ by more than one; counts of rows make each row a group. In groups beyond the matrix the
 * caller has shared the count out (`rankedCounts`), and what is left is the matrix. The rule `exact` takes equal scores by lower index first;
 * `threshold` every score not above the one at that position of the sorted group. Throws SecateurError `unsupported` for groups of several matrices,
 * `input` for an amount out of range and `numeric` for a score that is NaN.
 */
export function maskUnstructured(scores: Float32Array, rows: number, cols: number, amount: Amount, selection: Selection): MaskResult {
  if (selection.group !== "row" && selection.group !== "matrix" && typeof amount === "number") {
    throw new SecateurError(
      "unsupported",
      `weights compete within each ${selection.group}, but one matrix alone is to be masked by a ratio: wanted row or matrix, or a count`,
    );
  }
  checkSize(scores, rows, cols);
  const byRow = selection.group === "row" || (typeof amount === "object" && "rows" in amount);
  const groups = byRow ? rows : 1;
  const size = byRow ? cols : rows * cols;
  const countOf = groupCounts(amount, groups, size);
  const mask = new Uint8Array(scores.length);
  if (selection.rule === "threshold") {
    refuseNaN(scores, cols);
    return { mask, pruned: markNotAbove(scores, size, countOf, mask), ties: 0 };
  }
  const ties = markLowestOfEach(scores, size, countOf, mask);
  if (Number.isNaN(ties)) refuseNaN(scores, cols);
  let pruned = 0;
  for (let group = 0; group < groups; group++) pruned += countOf(group);
  return { mask, pruned, ties };
}

/**
 * Masks in each group of `of` consecutive columns all but the `keep` highest scores (rows, cols), equal scores pruned by lower index first.
 * Throws SecateurError `input` when the columns do not part into such groups and `numeric` for a score that is NaN.
 */
export function maskPattern(scores: Float32Array, rows: number, cols: number, { keep, of }: Pattern): MaskResult {
  if (!(Number.isInteger(keep) && Number.isInteger(of) && keep > 0 && keep <= of)) {
    throw new SecateurError("input", `the pattern ${keep}:${of} was given, wanted keep:of with whole numbers and 0 < keep ≤ of`);
  }
  if (cols % of !== 0) {
    throw new SecateurError("input", `the pattern ${keep}:${of} wants a multiple of ${of} inputs, but there are ${cols}`);
  }
  checkSize(scores, rows, cols);
  const mask = new Uint8Array(scores.length);
  const ties = markLowestOfEach(scores, of, of - keep, mask);
  if (Number.isNaN(ties)) refuseNaN(scores, cols);
  return { mask, pruned: (scores.length / of) * (of - keep), ties };
}

/** How many weights each group prunes, by the group's index. */
function groupCounts(amount: Amount, groups: number, size: number): (group: number) => number {
  if (typeof amount === "number") {
    const count = pruneCount(size, amount);
    return () => count;
  }
  if ("rows" in amount) {
    const { rows } = amount;
    const bad = rows.findIndex((count) => !(Number.isInteger(count) && count >= 0 && count <= size));
    if (rows.length !== groups || bad >= 0) {
      const found = bad >= 0 ? `${rows[bad]} weights of row ${bad}` : `counts of ${rows.length} rows`;
      throw new SecateurError("input", `${found} are to be pruned, wanted whole numbers from 0 to ${size} for ${groups} rows`);
    }
    return (group) => rows[group] as number;
  }
  const { count } = amount;
  if (!(Number.isInteger(count) && count >= 0 && count <= groups * size)) {
    throw new SecateurError("input", `${count} weights are to be pruned, wanted a whole number from 0 to ${groups * size}`);
  }
  // Each group gets what is due up to its end less what was due up to its start, so that the sum is the count, however the shares are rounded.
  const before = (group: number): number => Math.floor((group * count) / groups);
  return (group) => before(group + 1) - before(group);
}

/** The rule of published codes: in each group everything not above the score at position `countOf` of the sorted group. Returns how many that is. */
function markNotAbove(scores: Float32Array, size: number, countOf: (group: number) => number, mask: Uint8Array): number {
  const scratch = new Float32Array(size);
  let pruned = scores.length;
  for (let start = 0, group = 0; start < scores.length; start += size, group++) {
    scratch.set(scores.subarray(start, start + size));
    const threshold = kthSmallest(scratch, Math.min(countOf(group), size - 1));
    for (let i = start; i < start + size; i++) {
      const kept = +((scores[i] as number) > threshold);
      mask[i] = kept;
      pruned -= kept;
    }
  }
  return pruned;
}

function checkSize(scores: Float32Array, rows: number, cols: number): void {
  if (scores.length !== rows * cols) {
    throw new SecateurError("internal", `${scores.length} scores were given for a matrix of ${rows} × ${cols}`);
  }
}

function refuseNaN(scores: Float32Array, cols: number): void {
  for (let k = 0; k < scores.length; k++) {
    if (Number.isNaN(scores[k]))
      throw new SecateurError("numeric", `the score at row ${Math.floor(k / cols)}, column ${k % cols} is not a number`);
  }
}
