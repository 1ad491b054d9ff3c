import type { Mask, Role, Select } from "@secateur/kit";
import { type F32Tensor, f32 } from "@secateur/tensor";
import { type Product, part } from "./cholesky.ts";

/** What the column loop works with. */
export interface SolveInput {
  /** (rows, cols), row-major. */
  readonly weights: Float32Array;
  readonly rows: number;
  readonly cols: number;
  /** (cols, cols), upper: H⁻¹ = UᵀU of the Hessian that the weights that stay are fitted to. */
  readonly upper: Float32Array;
  /** 1 where a channel was never active: its weights become zero first. */
  readonly dead: Uint8Array;
  /** Each role's divisor of |W| in its scores (cols): the diagonal of its own factor; infinite where the channel is dead for it. */
  readonly diagonals: ReadonlyMap<Role, Float32Array>;
  readonly select: Select;
  readonly blockColumns: number;
}

/**
 * SparseGPT's loop (arXiv 2301.00774, section 3.4 and algorithm 1): columns from left to right, in blocks; each group of columns is scored as updated so far,
 * masked by `select`, and what a pruned weight took with it is made up for by the weights to its right. Returns new weights (rows, cols) and the mask.
 */
export async function solveColumns(input: SolveInput, product: Product): Promise<{ weights: Float32Array; mask: Mask }> {
  const { rows, cols, upper, dead, select } = input;
  const weights = input.weights.slice();
  for (let j = 0; j < cols; j++) if (dead[j]) for (let at = j; at < weights.length; at += cols) weights[at] = 0;
  const mask = new Uint8Array(rows * cols);
  // A block holds whole groups of a pattern.
  const group = select.groupColumns;
  const blockColumns = group > 0 ? Math.max(group, input.blockColumns - (input.blockColumns % group)) : input.blockColumns;

  // Memory for all blocks: the system takes longer to give it than they take to fill it.
  const [blocks, lost] = [new Float32Array(rows * blockColumns), new Float32Array(rows * blockColumns)];
  const [right, changes] = [new Float32Array(blockColumns * cols), new Float32Array(rows * cols)];
  for (let start = 0; start < cols; start += blockColumns) {
    const width = Math.min(blockColumns, cols - start);
    const block = part(weights, cols, 0, start, rows, width, blocks.subarray(0, rows * width)); // (rows, width)
    const errors = lost.subarray(0, rows * width).fill(0); // (rows, width)
    const factor = part(upper, cols, start, start, width, width); // (width, width)
    for (let from = 0; from < width; from += group || width) {
      const span = group || width;
      const scores = scoresOf(input.diagonals, block, rows, width, from, span, start);
      const chosen = select.choose(scores, start + from);
      for (let row = 0; row < rows; row++) {
        const own = chosen.subarray(row * span, (row + 1) * span);
        mask.set(own, row * cols + start + from);
        sweepRow(block, errors, factor, row, width, from, own);
      }
    }
    for (let row = 0; row < rows; row++) weights.set(block.subarray(row * width, (row + 1) * width), row * cols + start);
    const rest = cols - start - width;
    if (rest > 0) {
      const factors = part(upper, cols, start, start + width, width, rest, right.subarray(0, width * rest)); // (width, rest)
      const change = await product(errors, factors, { m: rows, k: width, n: rest, into: changes.subarray(0, rows * rest) });
      subtract(weights, cols, start + width, change, rows, rest);
    }
  }
  return { weights, mask };
}

/** Each role's scores |W|/U_jj (rows, span) of some columns of a block. */
function scoresOf(
  diagonals: SolveInput["diagonals"],
  block: Float32Array,
  rows: number,
  width: number,
  from: number,
  span: number,
  start: number,
): Map<Role, F32Tensor> {
  const scores = new Map<Role, F32Tensor>();
  for (const [role, diagonal] of diagonals) {
    const values = new Float32Array(rows * span);
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < span; i++) {
        values[row * span + i] = Math.abs(block[row * width + from + i] as number) / (diagonal[start + from + i] as number);
      }
    }
    scores.set(role, f32([rows, span], values));
  }
  return scores;
}

/** Prunes a row's masked weights of the columns from `from` on, one after another, and changes those to their right within the block. */
function sweepRow(
  block: Float32Array,
  errors: Float32Array,
  factor: Float32Array,
  row: number,
  width: number,
  from: number,
  chosen: Mask,
): void {
  const base = row * width;
  for (let i = 0; i < chosen.length; i++) {
    if (chosen[i] !== 0) continue;
    const column = from + i;
    const error = (block[base + column] as number) / (factor[column * width + column] as number);
    errors[base + column] = error;
    block[base + column] = 0;
    if (error === 0) continue;
    const line = column * width;
    for (let j = column + 1; j < width; j++) block[base + j] = (block[base + j] as number) - error * (factor[line + j] as number);
  }
}

function subtract(weights: Float32Array, cols: number, left: number, change: Float32Array, rows: number, rest: number): void {
  for (let row = 0; row < rows; row++) {
    const at = row * cols + left;
    for (let j = 0; j < rest; j++) weights[at + j] = (weights[at + j] as number) - (change[row * rest + j] as number);
  }
}
