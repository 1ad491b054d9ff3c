/**
 * Widens bfloat16 patterns exactly, NaN payloads included. Narrowing the result gives every pattern back, except that a signalling NaN becomes
 * its quiet form (bit 6 set). `out` is at least as long as `from`. Returns `out`.
 */
export function bf16ToF32(from: Uint16Array, out: Float32Array): Float32Array {
  const words = wordsOf(out, from.length);
  for (let i = 0; i < from.length; i++) words[i] = (from[i] as number) << 16;
  return out;
}

/** Rounds to bfloat16, to nearest even; what is past the range becomes infinite, NaN stays a quiet NaN of the same sign. Returns `out`. */
export function f32ToBf16(from: Float32Array, out: Uint16Array): Uint16Array {
  checkRoom(from.length, out.length);
  const words = wordsOf(from, from.length);
  for (let i = 0; i < from.length; i++) {
    const word = words[i] as number;
    out[i] = (word & 0x7fffffff) > 0x7f800000 ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return out;
}

/**
 * Widens IEEE half-precision patterns exactly: subnormals, infinities and NaN payloads included. Narrowing the result gives every pattern back,
 * except that a signalling NaN becomes its quiet form (bit 9 set). `out` is at least as long as `from`. Returns `out`.
 */
export function f16ToF32(from: Uint16Array, out: Float32Array): Float32Array {
  const words = wordsOf(out, from.length);
  for (let i = 0; i < from.length; i++) {
    const pattern = from[i] as number;
    const magnitude = pattern & 0x7fff;
    if (magnitude >= 0x400 && magnitude < 0x7c00) words[i] = ((pattern & 0x8000) << 16) | ((magnitude << 13) + 0x38000000);
    else if (magnitude >= 0x7c00) words[i] = ((pattern & 0x8000) << 16) | 0x7f800000 | ((magnitude & 0x3ff) << 13);
    else out[i] = (pattern & 0x8000 ? -1 : 1) * magnitude * 2 ** -24;
  }
  return out;
}

/** Rounds to half precision, to nearest even; past 65519 it becomes infinite, NaN stays a quiet NaN of the same sign. Returns `out`. */
export function f32ToF16(from: Float32Array, out: Uint16Array): Uint16Array {
  checkRoom(from.length, out.length);
  const words = wordsOf(from, from.length);
  for (let i = 0; i < from.length; i++) out[i] = narrowWord(words[i] as number);
  return out;
}

/** The value of one IEEE half-precision pattern, exact for subnormals and infinities. */
export function f16Value(pattern: number): number {
  return f16ToF32(Uint16Array.of(pattern), new Float32Array(1))[0] as number;
}

/** The half-precision pattern nearest to a single-precision value, by the rules of `f32ToF16`. */
export function f16Pattern(value: number): number {
  return f32ToF16(Float32Array.of(value), new Uint16Array(1))[0] as number;
}

function narrowWord(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((word >>> 13) & 0x3ff);
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and up rounds past the largest half
  if (magnitude >= 0x38800000) return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  if (magnitude <= 0x33000000) return sign; // at most half of the smallest subnormal
  const shift = 126 - (magnitude >>> 23); // 14 to 24: how far the 24-bit significand moves right
  const significand = (magnitude & 0x7fffff) | 0x800000;
  const kept = significand >>> shift;
  const rest = significand & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
}

function wordsOf(values: Float32Array, wanted: number): Uint32Array {
  checkRoom(wanted, values.length);
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

function checkRoom(wanted: number, room: number): void {
  if (room < wanted) throw new RangeError(`${wanted} values were given, but the array for them holds ${room}`);
}
