/** |W| of every weight, in a new array. */
export function magnitudeScore(weights: Float32Array): Float32Array {
  const scores = new Float32Array(weights.length);
  for (let i = 0; i < weights.length; i++) scores[i] = Math.abs(weights[i] as number);
  return scores;
}
