/**
 * Scores |W_ij|·g[i]·n[j] (rows, cols), row-major, each product rounded once to single precision: `weights` (rows, cols) row-major, `gradients` (rows), `norms` (cols).
 * Throws a RangeError when the sizes do not fit.
 */
export function fisherScore(
  weights: Float32Array,
  gradients: Float32Array | Float64Array,
  norms: Float32Array | Float64Array,
  rows: number,
  cols: number,
): Float32Array {
  if (weights.length !== rows * cols || gradients.length !== rows || norms.length !== cols) {
    const given = `${weights.length}, ${gradients.length} and ${norms.length}`;
    throw new RangeError(`wanted ${rows} × ${cols} weights, ${rows} gradients and ${cols} norms, but ${given} were given`);
  }
  const scores = new Float32Array(weights.length);
  for (let i = 0, at = 0; i < rows; i++) {
    const gradient = gradients[i] as number;
    for (let j = 0; j < cols; j++, at++) scores[at] = Math.abs(weights[at] as number) * gradient * (norms[j] as number);
  }
  return scores;
}
