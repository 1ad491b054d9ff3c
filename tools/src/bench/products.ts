import { createOnnxRuntimeBackend } from "@secateur/backend-onnxruntime";
import { programBuilder } from "@secateur/graph";
import { type Backend, type DeviceTensor, gram } from "@secateur/kit";
import { factorHessian, productOf } from "@secateur/scorer-sparsegpt";
import { f32, seededRandom } from "@secateur/tensor";
import { median } from "./figures.ts";
import { bareProduct, nanoseconds } from "./throughput.ts";

const ROUNDS = 7;
// So much work a measurement: some tenths of a second.
const WORK = 5e10;

/** The speed of something, in units of 10⁹ floating-point operations a second, against the bare matrix product's: the median of rounds in which both are measured in turn. */
export interface Share {
  readonly speed: number;
  readonly matmul: number;
  readonly ratio: number;
}

/** The Gram matrix of a linear layer's input as it is collected, (tokens, channels) at a time, against a matrix product of the same sizes. */
export function measureGram(channels: number): Promise<Share> {
  return withBackend(async (backend) => {
    const tokens = backend.preferredTokens;
    const b = programBuilder({});
    const x = b.input("x", ["batch", "tokens", channels]);
    const program = await backend.compile(b.build(gram.reduce(b, x, b.input("weights", ["batch", "tokens"]), x)));
    const values = backend.upload(f32([1, tokens, channels], randomNumbers(tokens * channels)));
    const weights = backend.upload(f32([1, tokens], new Float32Array(tokens).fill(1)));
    const into = { gram: backend.upload(f32([channels, channels])), weight: backend.upload(f32([1])) };
    const flops = 2 * tokens * channels * channels;
    const repeats = Math.ceil(WORK / flops);
    const collect = async (): Promise<void> => {
      for (let i = 0; i < repeats; i++) await backend.run(program, { x: values, weights }, into);
    };
    const product = await bareProduct(backend, channels, tokens, channels, WORK);
    return shareOf({ flops: repeats * flops, run: collect }, product);
  });
}

/** Making U of H⁻¹ = UᵀU of a layer with so many inputs, counted as the 2n³/3 operations of factor and inverse, against the product of two matrices of its size. */
export function measureCholesky(n: number): Promise<Share> {
  return withBackend(async (backend) => {
    const sums = await wellConditioned(backend, n);
    const stats = { get: () => sums };
    const flops = (2 * n ** 3) / 3;
    const repeats = Math.max(1, Math.floor(WORK / flops / 4));
    const factor = async (): Promise<void> => {
      for (let i = 0; i < repeats; i++) await factorHessian(stats, n, 0.01, "bench", productOf(backend));
    };
    return shareOf({ flops: repeats * flops, run: factor }, await bareProduct(backend, n, n, n, repeats * flops));
  });
}

interface Measured {
  readonly flops: number;
  readonly run: () => Promise<void>;
}

async function shareOf(own: Measured, product: Measured): Promise<Share> {
  const rounds: { speed: number; matmul: number }[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const matmul = product.flops / (await nanoseconds(product.run));
    const speed = own.flops / (await nanoseconds(own.run));
    if (round > 0) rounds.push({ speed, matmul }); // the first round warms up
  }
  return {
    speed: median(rounds.map(({ speed }) => speed)),
    matmul: median(rounds.map(({ matmul }) => matmul)),
    ratio: median(rounds.map(({ speed, matmul }) => speed / matmul)),
  };
}

/** The sums of `gram` over random inputs. */
async function wellConditioned(backend: Backend, n: number): Promise<Record<string, Float64Array>> {
  const tokens = 2 * n;
  const x = backend.upload(f32([tokens, n], randomNumbers(tokens * n)));
  const product = await backend.matmul(x, x, { transposeA: true });
  const { data } = await backend.download(product);
  releaseAll(backend, { x, product });
  return { gram: Float64Array.from(data as Float32Array), weight: Float64Array.of(tokens) }; // a product of F32 is F32
}

function randomNumbers(length: number): Float32Array {
  const random = seededRandom(1);
  return Float32Array.from({ length }, () => random.next() - 0.5);
}

function releaseAll(backend: Backend, tensors: Readonly<Record<string, DeviceTensor>>): void {
  for (const value of Object.values(tensors)) backend.release(value);
}

async function withBackend<T>(work: (backend: Backend) => Promise<T>): Promise<T> {
  const backend = await createOnnxRuntimeBackend({ provider: "cpu" });
  try {
    return await work(backend);
  } finally {
    await backend.dispose();
  }
}
