/**
 * Scores |W_ij|·(n[j] + α·√(R_ij/N)) (rows, cols), row-major, each rounded once to single precision: `weights` (rows, cols) row-major, `norms` n (cols), `squares` R
 * (rows, cols) row-major, the sums of squared gradients over `sequences` N. Throws a RangeError when the sizes do not fit.
 */
export function wandaPlusScore(
  weights: Float32Array,
  norms: Float32Array | Float64Array,
  squares: Float32Array | Float64Array,
  sequences: number,
  rows: number,
  cols: number,
  alpha: number,
): Float32Array {
  if (weights.length !== rows * cols || squares.length !== rows * cols || norms.length !== cols) {
    const given = `${weights.length}, ${squares.length} and ${norms.length}`;
    throw new RangeError(`wanted ${rows} × ${cols} weights and squares and ${cols} norms, but ${given} were given`);
  }
  const scores = new Float32Array(weights.length);
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++, at++) {
      const gradient = Math.sqrt((squares[at] as number) / sequences);
      scores[at] = Math.abs(weights[at] as number) * ((norms[j] as number) + alpha * gradient);
    }
  }
  return scores;
}
