import { type Mask, SecateurError, type Selection } from "@secateur/kit";
import { kthSmallest, markLowest } from "@secateur/tensor";

/** A mask (rows, cols), row-major, 1 = kept, and how it came about. */
export interface MaskResult {
  readonly mask: Mask;
  /** How many weights are pruned. */
  readonly pruned: number;
  /** How many of the pruned have the same score as a kept one of their group: the index decided. */
  readonly ties: number;
}

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
 * Masks the lowest scores (rows, cols) of each row or of the matrix. The rule `exact` prunes `pruneCount` of each group, equal scores by lower
 * index first; `threshold` every score not above the one at that position of the sorted group. Throws SecateurError `unsupported` for groups of
 * several matrices and `numeric` for a score that is NaN.
 */
export function maskUnstructured(scores: Float32Array, rows: number, cols: number, ratio: number, selection: Selection): MaskResult {
  if (selection.group !== "row" && selection.group !== "matrix") {
    throw new SecateurError(
      "unsupported",
      `weights compete within each ${selection.group}, but one matrix alone is to be masked: wanted row or matrix`,
    );
  }
  checkScores(scores, rows, cols);
  const group = selection.group === "row" ? cols : rows * cols;
  const count = pruneCount(group, ratio);
  const mask = new Uint8Array(scores.length);
  const scratch = new Float32Array(group);
  let pruned = 0;
  let ties = 0;
  for (let start = 0; start < scores.length; start += group) {
    if (selection.rule === "exact") {
      ties += markLowest(scores, count, mask, scratch, start, start + group);
      pruned += count;
    } else pruned += markNotAbove(scores, count, mask, scratch, start, start + group);
  }
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
  checkScores(scores, rows, cols);
  const mask = new Uint8Array(scores.length);
  const scratch = new Float32Array(of);
  let ties = 0;
  for (let start = 0; start < scores.length; start += of) ties += markLowest(scores, of - keep, mask, scratch, start, start + of);
  return { mask, pruned: (scores.length / of) * (of - keep), ties };
}

/** The rule of published codes: everything not above the score at position `count` of the sorted range. Returns how many that is. */
function markNotAbove(scores: Float32Array, count: number, mask: Uint8Array, scratch: Float32Array, start: number, end: number): number {
  for (let i = start; i < end; i++) scratch[i - start] = scores[i] as number;
  const threshold = kthSmallest(scratch, Math.min(count, end - start - 1));
  let kept = 0;
  for (let i = start; i < end; i++) {
    mask[i] = (scores[i] as number) > threshold ? 1 : 0;
    kept += mask[i] as number;
  }
  return end - start - kept;
}

function checkScores(scores: Float32Array, rows: number, cols: number): void {
  if (scores.length !== rows * cols) {
    throw new SecateurError("internal", `${scores.length} scores were given for a matrix of ${rows} × ${cols}`);
  }
  for (let k = 0; k < scores.length; k++) {
    const score = scores[k] as number;
    if (Number.isNaN(score))
      throw new SecateurError("numeric", `the score at row ${Math.floor(k / cols)}, column ${k % cols} is not a number`);
  }
}
