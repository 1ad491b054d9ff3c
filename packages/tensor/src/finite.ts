/** The index of the first number that is NaN or infinite, −1 when there is none. A plain loop: on large arrays a callback for each number takes many times longer. */
export function firstNotFinite(values: Float32Array | Float64Array): number {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return i;
  return -1;
}
