const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** Widens bfloat16 patterns exactly; NaN payloads and signs are kept. Returns `out`. */
export function bf16ToF32(from: Uint16Array, out: Float32Array): Float32Array {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < from.length; i++) words[i] = (from[i] as number) << 16;
  return out;
}

/** Rounds to bfloat16, to nearest even; what is past the range becomes infinite, NaN stays a quiet NaN of the same sign. Returns `out`. */
export function f32ToBf16(from: Float32Array, out: Uint16Array): Uint16Array {
  const words = new Uint32Array(from.buffer, from.byteOffset, from.length);
  for (let i = 0; i < from.length; i++) {
    const word = words[i] as number;
    out[i] = (word & 0x7fffffff) > 0x7f800000 ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return out;
}

/** The value of one IEEE half-precision pattern, exact for subnormals, infinities and NaN. */
export function f16Value(pattern: number): number {
  const sign = (pattern & 0x8000) << 16;
  const exponent = (pattern >>> 10) & 0x1f;
  const fraction = pattern & 0x3ff;
  if (exponent === 0) return (sign ? -1 : 1) * fraction * 2 ** -24;
  bits[0] = sign | (exponent === 31 ? 0x7f800000 : (exponent + 112) << 23) | (fraction << 13);
  return float[0] as number;
}

/** The half-precision pattern nearest to a single-precision value, ties to even; past 65519 it is infinite, NaN stays a quiet NaN of the same sign. */
export function f16Pattern(value: number): number {
  float[0] = value;
  const word = bits[0] as number;
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((word >>> 13) & 0x3ff);
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and up rounds past the largest half
  if (magnitude < 0x33000001) return sign; // at most half of the smallest subnormal
  if (magnitude < 0x38800000) {
    const shift = 126 - (magnitude >>> 23); // 14 to 24: how far the 24-bit significand moves right
    const significand = (magnitude & 0x7fffff) | 0x800000;
    const kept = significand >>> shift;
    const rest = significand & ((1 << shift) - 1);
    const half = 1 << (shift - 1);
    return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

/** Widens half-precision patterns exactly. Returns `out`. */
export function f16ToF32(from: Uint16Array, out: Float32Array): Float32Array {
  for (let i = 0; i < from.length; i++) out[i] = f16Value(from[i] as number);
  return out;
}

/** Rounds to half precision, to nearest even. Returns `out`. */
export function f32ToF16(from: Float32Array, out: Uint16Array): Uint16Array {
  for (let i = 0; i < from.length; i++) out[i] = f16Pattern(from[i] as number);
  return out;
}
