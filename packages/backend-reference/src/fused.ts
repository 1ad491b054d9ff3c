import { sizeOf } from "@secateur/tensor";
import { indexBelow, type Kernel, numbersOf } from "./primitives.ts";
import type { Host } from "./shapes.ts";

/** Attention, on a past too where there is one. */
const attend: Kernel = ([q, k, v, pastK, pastV, seen], shape, attributes) => {
  const { heads, kvHeads, scale, window } = attributes as Record<"heads" | "kvHeads" | "scale" | "window", number>;
  const [batch, tokens, width] = shape as readonly [number, number, number];
  const size = width / heads;
  const kvWidth = kvHeads * size;
  const [queries, keys, values] = [numbersOf(q), numbersOf(k), numbersOf(v)]; // (batch, tokens, heads·size), (batch, tokens, kvHeads·size) twice
  const slots = pastK?.shape[2] ?? 0;
  const [pastKeys, pastValues] = pastK ? [numbersOf(pastK), numbersOf(pastV)] : [keys, values]; // (batch, kvHeads, slots, size) twice
  const out = new Float32Array(sizeOf(shape));
  const weights = new Float64Array(slots + tokens); // of the slots, and of the keys that a query sees
  const mixed = new Float64Array(size);
  for (let sequence = 0; sequence < batch; sequence++) {
    for (let head = 0; head < heads; head++) {
      const kvHead = Math.floor(head / (heads / kvHeads));
      for (let token = 0; token < tokens; token++) {
        const oldest = window > 0 ? Math.max(0, token - window + 1) : 0;
        const row = sequence * tokens + token;
        const at = row * width + head * size;
        const slotAt = (slot: number): number => ((sequence * kvHeads + kvHead) * slots + slot) * size;
        const keyAt = (key: number): number => (sequence * tokens + key) * kvWidth + kvHead * size;
        weights.fill(Number.NEGATIVE_INFINITY);
        for (let slot = 0; slot < slots; slot++)
          if (seen?.data[row * slots + slot]) weights[slot] = dot(queries, at, pastKeys, slotAt(slot), size) * scale;
        for (let key = oldest; key <= token; key++) weights[slots + key] = dot(queries, at, keys, keyAt(key), size) * scale;
        softmax(weights, 0, slots + token + 1);
        mixed.fill(0);
        for (let slot = 0; slot < slots; slot++) addTo(mixed, weights[slot] as number, pastValues, slotAt(slot));
        for (let key = oldest; key <= token; key++) addTo(mixed, weights[slots + key] as number, values, keyAt(key));
        out.set(mixed, at);
      }
    }
  }
  return out;
};

/** The fused ops, each from its own definition and not from its expansion. */
export const FUSED_KERNELS: Readonly<Record<string, Kernel>> = {
  linear: ([x, weight, bias], shape) => {
    const [n, k] = (weight as Host).shape as readonly [number, number];
    const [from, w] = [numbersOf(x), numbersOf(weight)]; // (rows, k) and (n, k)
    const out = new Float32Array(sizeOf(shape)); // (rows, n)
    for (let row = 0; row < out.length / n; row++) {
      for (let j = 0; j < n; j++) out[row * n + j] = dot(from, row * k, w, j * k, k) + (bias ? (numbersOf(bias)[j] as number) : 0);
    }
    return out;
  },
  rmsNorm: ([x, scale], shape, { epsilon }) => {
    const [from, factors] = [numbersOf(x), numbersOf(scale)]; // (rows, n) and (n)
    const n = factors.length;
    const out = new Float32Array(sizeOf(shape));
    for (let at = 0; at < out.length; at += n) {
      const norm = Math.sqrt(dot(from, at, from, at, n) / n + (epsilon as number));
      for (let i = 0; i < n; i++) out[at + i] = ((from[at + i] as number) / norm) * (factors[i] as number);
    }
    return out;
  },
  rope: ([x, cos, sin], shape, { heads }) => {
    const width = shape[2] as number;
    const half = width / (heads as number) / 2;
    const [from, c, s] = [numbersOf(x), numbersOf(cos), numbersOf(sin)]; // (batch, tokens, heads, 2, half) and (batch?, tokens, half) twice
    const rows = c.length / half;
    const out = new Float32Array(sizeOf(shape));
    for (let at = 0; at < out.length; at += 2 * half) {
      const angles = (Math.floor(at / width) % rows) * half;
      for (let i = 0; i < half; i++) {
        const [a, b] = [from[at + i] as number, from[at + half + i] as number];
        const [cosine, sine] = [c[angles + i] as number, s[angles + i] as number];
        out[at + i] = a * cosine - b * sine;
        out[at + half + i] = b * cosine + a * sine;
      }
    }
    return out;
  },
  attention: attend,
  cachedAttention: attend,
  softmax: ([x], shape) => {
    const n = shape.at(-1) as number;
    const from = numbersOf(x); // (rows, n)
    const out = new Float32Array(sizeOf(shape));
    const row = new Float64Array(n);
    for (let at = 0; at < out.length; at += n) {
      row.set(from.subarray(at, at + n));
      softmax(row, 0, n);
      out.set(row, at);
    }
    return out;
  },
  sigmoid: ([x]) => numbersOf(x).map((value) => 1 / (1 + Math.exp(-value))),
  silu: ([x]) => numbersOf(x).map((value) => value / (1 + Math.exp(-value))),
  tokenLoss: ([logits, target], shape) => {
    const n = (logits as Host).shape.at(-1) as number;
    const from = numbersOf(logits); // (rows, n)
    const out = new Float32Array(sizeOf(shape)); // (rows)
    for (let row = 0; row < out.length; row++) {
      let top = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < n; i++) top = Math.max(top, from[row * n + i] as number);
      let sum = 0;
      for (let i = 0; i < n; i++) sum += Math.exp((from[row * n + i] as number) - top);
      out[row] = top + Math.log(sum) - (from[row * n + indexBelow(target as Host, row, n)] as number);
    }
    return out;
  },
};

/** Σ a[atA + i] · b[atB + i] over `count` elements, in four sums so that an addition need not wait for the one before. */
function dot(a: Float32Array, atA: number, b: Float32Array, atB: number, count: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < count; i += 4) {
    s0 += (a[atA + i] as number) * (b[atB + i] as number);
    s1 += (a[atA + i + 1] as number) * (b[atB + i + 1] as number);
    s2 += (a[atA + i + 2] as number) * (b[atB + i + 2] as number);
    s3 += (a[atA + i + 3] as number) * (b[atB + i + 3] as number);
  }
  for (; i < count; i++) s0 += (a[atA + i] as number) * (b[atB + i] as number);
  return s0 + s1 + s2 + s3;
}

/** Adds a share of as many elements from an offset on. */
function addTo(sum: Float64Array, share: number, from: Float32Array, at: number): void {
  if (share === 0) return;
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + share * (from[at + i] as number);
}

/** Softmax of x[start, end) in place. */
function softmax(x: Float64Array, start: number, end: number): void {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = start; i < end; i++) top = Math.max(top, x[i] as number);
  let sum = 0;
  for (let i = start; i < end; i++) {
    x[i] = Math.exp((x[i] as number) - top);
    sum += x[i] as number;
  }
  for (let i = start; i < end; i++) x[i] = (x[i] as number) / sum;
}
