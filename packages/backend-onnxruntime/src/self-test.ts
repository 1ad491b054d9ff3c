import { type Program, programBuilder, resolveShape, TOKEN_WEIGHTS, valueNamed } from "@secateur/graph";
import type { OnnxRuntime, Tensor } from "@secateur/onnxruntime-plugin";
import { seededRandom } from "@secateur/tensor";
import { type Compiled, compileOn, type Places } from "./compiled.ts";
import type { Placement } from "./placement.ts";

/** The largest error of a place's results, as a part of their norm, against ONNX Runtime's own CPU provider in single precision. A block in bf16 is off by some thousandths. */
export const TOLERANCE: Readonly<Record<Placement["precision"], number>> = { f32: 5e-5, bf16: 2e-2 };

/** The largest change of a token's results by tokens after it: where the mask holds, they are computed alike. */
export const LEAK = 1e-5;

/** What a place did with the self-test. */
export interface SelfTest {
  /** How far results of tokens change with tokens after them, which they must not see, as a part of their norm. */
  readonly leak: number;
  /** The larger error of its two outputs, a hidden state and sums over tokens. */
  readonly error: number;
  /** Of the fastest of its runs. */
  readonly milliseconds: number;
}

// The sizes of a small model: less would measure what a run costs beside its products.
const AXES = { batch: 2, tokens: 512, hidden: 576, ffn: 1536, heads: 9, kvHeads: 3, headDim: 64 };
const RUNS = 4;
// Tokens from this one on are changed. In bf16 its number would be rounded to that of the one before.
const LATE = 301;

/** Runs a block of a transformer with sums at its last tap on a place, all of it there, and compares. Throws what the place throws. */
export async function selfTest(ort: OnnxRuntime, places: Places): Promise<SelfTest> {
  const program = testBlock();
  const inputs = testInputs(ort, program);
  try {
    const wanted = await runOn(ort, program, inputs, { ...places, placement: places.exact });
    const found = places.placement === places.exact ? wanted : await runOn(ort, program, inputs, { ...places, wholeOnDevice: true });
    return {
      error: Math.max(...found.results.map((values, i) => relativeError(values, wanted.results[i] as Float32Array))),
      milliseconds: found.milliseconds,
      leak: found.leak,
    };
  } finally {
    for (const tensor of Object.values(inputs)) tensor.release();
  }
}

async function runOn(
  ort: OnnxRuntime,
  program: Program,
  inputs: Readonly<Record<string, Tensor>>,
  places: Places,
): Promise<{ readonly results: readonly Float32Array[]; readonly milliseconds: number; readonly leak: number }> {
  const outputs = Object.fromEntries(Object.entries(program.outputs).map(([name, value]) => [name, zeros(ort, program, value)]));
  let compiled: Compiled | undefined;
  try {
    compiled = await compileOn(ort, program, places);
    let milliseconds = Number.POSITIVE_INFINITY;
    for (let run = 0; run < RUNS; run++) {
      const start = performance.now();
      await compiled.run(inputs, outputs, AXES);
      milliseconds = Math.min(milliseconds, performance.now() - start);
    }
    const results = Object.values(outputs).map(({ data }) => data.slice());
    const x = (inputs.x as Tensor<"float32">).data; // an input of the block
    const before = x.slice();
    eachLate(x, (i) => {
      x[i] = -(x[i] as number);
    });
    await compiled.run(inputs, outputs, AXES);
    x.set(before);
    const [y, changed] = [results[0], outputs.y?.data] as [Float32Array, Float32Array]; // the block's first output
    eachLate(changed, (i) => {
      changed[i] = y[i] as number;
    });
    return { results, milliseconds, leak: relativeError(changed, y) };
  } finally {
    compiled?.release();
    for (const tensor of Object.values(outputs)) tensor.release();
  }
}

/** The places of the later tokens' numbers in hidden states. */
function eachLate(values: Float32Array, visit: (index: number) => void): void {
  const { tokens, hidden } = AXES;
  for (let i = 0; i < values.length; i++) if (Math.floor(i / hidden) % tokens >= LATE) visit(i);
}

/** A block of grouped-query attention and a gated feed-forward layer, with the sums of squares of what its last layer reads. */
function testBlock(): Program {
  const { batch, tokens, ...sizes } = AXES;
  const b = programBuilder(sizes);
  const x = b.input("x", ["batch", "tokens", "hidden"]);
  const [cos, sin] = ["cos", "sin"].map((name) => b.input(name, ["tokens", sizes.headDim / 2])) as [typeof x, typeof x];
  const weights = b.input(TOKEN_WEIGHTS, ["batch", "tokens"]);
  const normed = b.rmsNorm(x, b.weight("norm1", ["hidden"]), 1e-5);
  const q = b.rope(b.linear(normed, b.weight("q", ["heads*headDim", "hidden"])), cos, sin, sizes.heads);
  const k = b.rope(b.linear(normed, b.weight("k", ["kvHeads*headDim", "hidden"])), cos, sin, sizes.kvHeads);
  const v = b.linear(normed, b.weight("v", ["kvHeads*headDim", "hidden"]));
  const mixed = b.attention(q, k, v, { heads: sizes.heads, kvHeads: sizes.kvHeads, scale: sizes.headDim ** -0.5, window: 0 });
  const middle = b.add(x, b.linear(mixed, b.weight("o", ["hidden", "heads*headDim"])));
  const inner = b.rmsNorm(middle, b.weight("norm2", ["hidden"]), 1e-5);
  const read = b.mul(b.silu(b.linear(inner, b.weight("gate", ["ffn", "hidden"]))), b.linear(inner, b.weight("up", ["ffn", "hidden"])));
  const y = b.add(middle, b.linear(read, b.weight("down", ["hidden", "ffn"])));
  const row = b.reshape(weights, ["batch", 1, "tokens"]);
  return b.build({ y, squares: b.matmul(row, b.mul(read, read)) });
}

function testInputs(ort: OnnxRuntime, program: Program): Record<string, Tensor> {
  const random = seededRandom(1);
  return Object.fromEntries(
    [...program.inputs, ...program.weights].map(({ name }) => {
      const tensor = zeros(ort, program, name);
      const scale = name === "x" ? 2 : name.startsWith("norm") ? 0 : 0.2;
      for (let i = 0; i < tensor.data.length; i++)
        tensor.data[i] = name === TOKEN_WEIGHTS ? 1 : (random.next() - 0.5) * scale + (scale === 0 ? 1 : 0);
      return [name, tensor];
    }),
  );
}

function zeros(ort: OnnxRuntime, program: Program, name: string): Tensor<"float32"> {
  const shape = resolveShape(valueNamed(program, name).shape, AXES);
  return ort.tensor("float32", new Float32Array(shape.reduce((size, dim) => size * dim, 1)), shape);
}

/** ‖found − wanted‖ / ‖wanted‖; infinite where something is not finite. */
function relativeError(found: Float32Array, wanted: Float32Array): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    difference += ((found[i] as number) - (wanted[i] as number)) ** 2;
    norm += (wanted[i] as number) ** 2;
  }
  const error = Math.sqrt(difference / norm);
  return Number.isFinite(error) ? error : Number.POSITIVE_INFINITY;
}
