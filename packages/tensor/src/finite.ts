/** The index of the first number that is NaN or infinite, −1 when there is none. */
export function firstNotFinite(values: Float32Array | Float64Array): number {
  // A number less itself is 0 but for NaN and the infinities, whose NaN stays in a sum: no jump for each number, and two sums that need not wait for each other.
  let even = 0;
  let odd = 0;
  let i = 0;
  for (; i + 1 < values.length; i += 2) {
    const one = values[i] as number;
    const other = values[i + 1] as number;
    even += one - one;
    odd += other - other;
  }
  if (i < values.length) even += (values[i] as number) - (values[i] as number);
  return even + odd === 0 ? -1 : values.findIndex((value) => !Number.isFinite(value));
}
