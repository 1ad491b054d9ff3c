/**
 * Scores |W_ij|·n[j] (rows, cols), row-major, in single precision: `weights` (rows, cols) row-major, `norms` (cols).
 * Throws a RangeError when the sizes do not fit.
 */
export function wandaScore(weights: Float32Array, norms: Float32Array | Float64Array, rows: number, cols: number): Float32Array {
  if (weights.length !== rows * cols || norms.length !== cols) {
    throw new RangeError(`wanted ${rows} × ${cols} weights and ${cols} norms, but ${weights.length} and ${norms.length} were given`);
  }
  const norm = norms instanceof Float32Array ? norms : Float32Array.from(norms);
  const scores = new Float32Array(weights.length);
  let at = 0;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++, at++) scores[at] = Math.abs(weights[at] as number) * (norm[j] as number);
  }
  return scores;
}
