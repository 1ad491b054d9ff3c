import { instrument, type Program, TOKEN_WEIGHTS, tapOutput } from "@secateur/graph";
import { f32, type Random, seededRandom, sizeOf, type Tensor } from "@secateur/tensor";
import { gram, inputNorm } from "../statistics.ts";
import { blockCase } from "./backend-cases.ts";
import { expectClose, type HostTensor, type Law, named, runOnce } from "./backend-checks.ts";

const [BATCH, TOKENS, PADDING] = [2, 250, 30];

/** The laws of a block that gives statistics at its taps: each sum equals its definition, and tokens of weight 0 do not count. */
export function describeStatistics(law: Law, tolerance: number): void {
  const block = blockCase();
  const taps = block.program.taps.map((_, tap) => tap);
  const program = instrument(
    block.program,
    taps.map((tap) => ({ tap, reductions: [inputNorm, gram] })),
  );
  const draw = (seed: number): Record<string, HostTensor> => {
    const random = seededRandom(seed);
    return { ...block.draw({ batch: BATCH, tokens: TOKENS }, random), [TOKEN_WEIGHTS]: tokenWeights(random) };
  };

  law(`gives the statistics of ${BATCH * TOKENS} tokens at every tap`, async (backend) => {
    const inputs = draw(3);
    const found = await runOnce(backend, await backend.compile(program), inputs);
    for (const tap of taps) expectStatistics(found, program, tap, named(inputs, TOKEN_WEIGHTS), tolerance);
  });

  law("counts nothing of tokens of weight 0", async (backend) => {
    const padded = draw(4);
    const short = Object.fromEntries(Object.entries(padded).map(([name, given]) => [name, shorten(given, program, name)]));
    const executable = await backend.compile(program);
    const long = await runOnce(backend, executable, padded);
    const wanted = await runOnce(backend, executable, short);
    for (const [output, { shape, data }] of Object.entries(wanted)) {
      if (output in block.program.outputs) continue;
      const grid = { type: "F32" as const, shape, data: Float64Array.from(data as Float32Array) };
      expectClose(`padding of weight 0 leaves ${output} as it is`, long[output], grid, tolerance);
    }
  });
}

/** (batch, tokens): ¼ to 1, and 0 for the last tokens of each sequence. */
function tokenWeights(random: Random): HostTensor {
  const weigh = (_: unknown, i: number): number => (i % TOKENS < TOKENS - PADDING ? (1 + random.below(4)) / 4 : 0);
  return f32([BATCH, TOKENS], Float32Array.from({ length: BATCH * TOKENS }, weigh));
}

/** An input without the padding, or the input itself when it has no axis of tokens. */
function shorten(given: HostTensor, program: Program, name: string): HostTensor {
  const axis = named(program.values, name).shape.indexOf("tokens");
  if (axis < 0) return given;
  const inner = sizeOf(given.shape.slice(axis + 1));
  const data = (given.data as Float32Array).filter((_, i) => Math.floor(i / inner) % TOKENS < TOKENS - PADDING);
  return f32(given.shape.with(axis, TOKENS - PADDING), data);
}

/**
 * Holds a tap's sums to double-precision sums over the values that the backend itself gives for the tap. The scale of a sum's error is the sum
 * of its terms' magnitudes, in the Gram matrix the product of the two channels' norms: what rounding scales with.
 */
function expectStatistics(
  found: Readonly<Record<string, Tensor>>,
  program: Program,
  tap: number,
  weights: Tensor,
  tolerance: number,
): void {
  const weight = program.taps[tap]?.linears[0]?.weight ?? "";
  const values = named(found, `tap${tap}`);
  const [batch, tokens, channels] = values.shape as readonly [number, number, number];
  const [x, w] = [values.data as Float32Array, weights.data as Float32Array];

  const expect = (need: typeof gram, sum: string, want: Float64Array, scale: Float64Array): void => {
    const output = tapOutput(tap, need, sum, weight);
    const { data } = named(found, output);
    if (data.length !== want.length) throw new Error(`${output} has ${data.length} elements, wanted ${want.length}`);
    want.forEach((value, i) => {
      const [got, bound] = [data[i] as number, tolerance * (scale[i] as number)];
      if (!(Math.abs(got - value) <= bound))
        throw new Error(`${output} equals its definition: element ${i} is ${got}, wanted ${value} within ${bound}`);
    });
  };

  const [squares, sums, magnitudes] = Array.from({ length: 3 }, () => new Float64Array(batch * channels)) as [
    Float64Array, // (batch, channels), as the next two
    Float64Array,
    Float64Array,
  ];
  const counts = new Float64Array(batch);
  const products = new Float64Array(channels * channels); // (channels, channels)
  for (let row = 0; row < batch * tokens; row++) {
    const sequence = Math.floor(row / tokens);
    const share = w[row] as number;
    counts[sequence] = (counts[sequence] as number) + share;
    for (let i = 0; i < channels; i++) {
      const [value, at] = [x[row * channels + i] as number, sequence * channels + i];
      squares[at] = (squares[at] as number) + share * value * value;
      sums[at] = (sums[at] as number) + share * value;
      magnitudes[at] = (magnitudes[at] as number) + share * Math.abs(value);
      for (let j = 0; j < channels; j++) {
        products[i * channels + j] = (products[i * channels + j] as number) + share * value * (x[row * channels + j] as number);
      }
    }
  }
  const norm = (i: number): number => Math.sqrt(products[i * channels + i] as number);
  expect(inputNorm, "squares", squares, squares);
  expect(inputNorm, "sums", sums, magnitudes);
  expect(inputNorm, "weight", counts, counts);
  expect(gram, "weight", counts, counts);
  expect(
    gram,
    "gram",
    products,
    products.map((_, i) => norm(Math.floor(i / channels)) * norm(i % channels)),
  );
}
