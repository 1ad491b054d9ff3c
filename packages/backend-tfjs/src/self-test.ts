import { type Program, programBuilder } from "@secateur/graph";
import type { Backend, DeviceTensor } from "@secateur/kit";
import { f32, seededRandom } from "@secateur/tensor";
import type { Precision } from "./precision.ts";

/** The largest error of the self-test's results, as a part of their norm. Single precision over some dozen terms is off by some 1e-7, bf16 by some thousandths. */
export const TOLERANCE: Readonly<Record<Precision, number>> = { f32: 1e-5, bf16: 2e-2 };

const [BATCH, TOKENS, HEADS, KV_HEADS, SIZE] = [2, 6, 6, 2, 4];
const [WIDTH, KV_WIDTH] = [HEADS * SIZE, KV_HEADS * SIZE];

/** How far a backend is off, as a part of the norm, in grouped attention with a linear layer behind it, against plain loops in double precision. Infinite where it is not finite. */
export async function selfTest(backend: Backend): Promise<number> {
  const { next } = seededRandom(1);
  const draw = (...shape: number[]) =>
    f32(
      shape,
      Float32Array.from({ length: shape.reduce((size, dim) => size * dim, 1) }, () => next() * 2 - 1),
    );
  const given = {
    q: draw(BATCH, TOKENS, WIDTH),
    k: draw(BATCH, TOKENS, KV_WIDTH),
    v: draw(BATCH, TOKENS, KV_WIDTH),
    w: draw(WIDTH, WIDTH),
  };
  const executable = await backend.compile(testProgram());
  const inputs = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, backend.upload(value)]));
  const { y } = await backend.run(executable, inputs);
  const found = (await backend.download(y as DeviceTensor)).data as Float32Array;
  for (const value of [...Object.values(inputs), y as DeviceTensor]) backend.release(value);
  await executable.release();

  const wanted = linear(attention(given.q.data, given.k.data, given.v.data), given.w.data);
  let [difference, norm] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    difference += ((found[i] as number) - (wanted[i] as number)) ** 2;
    norm += (wanted[i] as number) ** 2;
  }
  const error = Math.sqrt(difference / norm);
  return Number.isFinite(error) ? error : Number.POSITIVE_INFINITY;
}

function testProgram(): Program {
  const b = programBuilder({});
  const [q, k, v] = [
    b.input("q", ["batch", "tokens", WIDTH]),
    b.input("k", ["batch", "tokens", KV_WIDTH]),
    b.input("v", ["batch", "tokens", KV_WIDTH]),
  ] as const;
  const mixed = b.attention(q, k, v, { heads: HEADS, kvHeads: KV_HEADS, scale: SIZE ** -0.5, window: 0 });
  return b.build({ y: b.linear(mixed, b.weight("w", [WIDTH, WIDTH])) });
}

/** Causal attention: q (batch, tokens, heads·size), k and v (batch, tokens, kvHeads·size) → as q. */
function attention(q: Float32Array, k: Float32Array, v: Float32Array): Float64Array {
  const out = new Float64Array(q.length);
  for (let row = 0; row < BATCH * TOKENS; row++) {
    const first = row - (row % TOKENS); // the sequence's
    for (let head = 0; head < HEADS; head++) {
      const at = row * WIDTH + head * SIZE;
      const kvAt = (seen: number): number => seen * KV_WIDTH + Math.floor((head * KV_HEADS) / HEADS) * SIZE;
      const weights: number[] = [];
      for (let seen = first; seen <= row; seen++) {
        let product = 0;
        for (let i = 0; i < SIZE; i++) product += (q[at + i] as number) * (k[kvAt(seen) + i] as number);
        weights.push(Math.exp(product * SIZE ** -0.5));
      }
      const sum = weights.reduce((total, weight) => total + weight, 0);
      weights.forEach((weight, j) => {
        for (let i = 0; i < SIZE; i++) out[at + i] = (out[at + i] as number) + (weight / sum) * (v[kvAt(first + j) + i] as number);
      });
    }
  }
  return out;
}

/** x (rows, width) · wᵀ (width, width) */
function linear(x: Float64Array, w: Float32Array): Float64Array {
  return x.map((_, at) => {
    const [row, j] = [Math.floor(at / WIDTH), at % WIDTH];
    let sum = 0;
    for (let i = 0; i < WIDTH; i++) sum += (x[row * WIDTH + i] as number) * (w[j * WIDTH + i] as number);
    return sum;
  });
}
