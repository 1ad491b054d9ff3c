/**
 * Scores |W_ij|·√(F_ij/T) (rows, cols), row-major, each rounded once to single precision: `weights` (rows, cols) row-major, `squares` F (rows, cols) row-major, the sums over
 * `tokens` T, which are counted by their weights. Throws a RangeError when the sizes do not fit.
 */
export function obdScore(
  weights: Float32Array,
  squares: Float32Array | Float64Array,
  tokens: number,
  rows: number,
  cols: number,
): Float32Array {
  if (weights.length !== rows * cols || squares.length !== rows * cols) {
    throw new RangeError(`wanted ${rows} × ${cols} weights and squares, but ${weights.length} and ${squares.length} were given`);
  }
  const scores = new Float32Array(weights.length);
  for (let at = 0; at < scores.length; at++) scores[at] = Math.abs(weights[at] as number) * Math.sqrt((squares[at] as number) / tokens);
  return scores;
}
