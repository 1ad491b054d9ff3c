/**
 * Scores (|W_ij|/Σ_i|W_ij| + |W_ij|/Σ_j|W_ij|)·n[j]^exponent (rows, cols), row-major: `weights` (rows, cols) row-major, `norms` (cols). A row or column that
 * is all zero has no shares: its weights score 0. Throws a RangeError when the sizes do not fit.
 */
export function riaScore(
  weights: Float32Array,
  norms: Float32Array | Float64Array,
  rows: number,
  cols: number,
  exponent: number,
): Float32Array {
  if (weights.length !== rows * cols || norms.length !== cols) {
    throw new RangeError(`wanted ${rows} × ${cols} weights and ${cols} norms, but ${weights.length} and ${norms.length} were given`);
  }
  const rowSums = new Float64Array(rows);
  const colSums = new Float64Array(cols);
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++, at++) {
      const size = Math.abs(weights[at] as number);
      rowSums[i] = (rowSums[i] as number) + size;
      colSums[j] = (colSums[j] as number) + size;
    }
  }
  const factors = Float64Array.from(norms, (norm) => norm ** exponent);
  const scores = new Float32Array(weights.length);
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++, at++) {
      const size = Math.abs(weights[at] as number);
      if (size > 0) scores[at] = (size / (colSums[j] as number) + size / (rowSums[i] as number)) * (factors[j] as number);
    }
  }
  return scores;
}
