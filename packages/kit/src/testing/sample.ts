import { f32, seededRandom } from "@secateur/tensor";
import type { Linear } from "../contracts.ts";
import { SecateurError } from "../errors.ts";
import { fisher, gram, inputNorm, type Need, outputGradient, type RoleStats, regionalGradient } from "../statistics.ts";

/** A linear layer, inputs for it and gradients at its outputs, from which statistics of any kind follow. */
export interface Sample {
  readonly rows: number;
  readonly cols: number;
  /** (rows, cols), row-major. */
  readonly weights: Float32Array;
  /** (tokens, cols), row-major. */
  readonly inputs: Float64Array;
  /** Of a loss at the layer's outputs (tokens, rows), row-major. The token weights are the loss's own: nothing multiplies gradients by them. */
  readonly gradients: Float64Array;
  /** (tokens). */
  readonly tokenWeights: Float64Array;
}

/** The sums of a statistic of a sample, by name, as its `reduce` would give them. */
export type MakeStats = (need: Need, sample: Sample) => Readonly<Record<string, Float64Array>>;

/** A sample whose input channels, and the gradients of its outputs, differ in size by factors up to 16, and its token weights by factors up to 4. */
export function randomSample(seed: number, rows: number, cols: number, tokens: number = 2 * cols + 3): Sample {
  const random = seededRandom(seed);
  const scalesOf = (channels: number): Float64Array => Float64Array.from({ length: channels }, () => 2 ** (4 * random.next() - 2));
  const drawn = (scales: Float64Array): Float64Array => {
    const { length } = scales;
    return Float64Array.from({ length: tokens * length }, (_, i) => (random.next() - 0.5) * (scales[i % length] as number));
  };
  const scales = scalesOf(cols);
  return {
    rows,
    cols,
    weights: Float32Array.from({ length: rows * cols }, () => random.next() - 0.5),
    inputs: drawn(scales),
    tokenWeights: Float64Array.from({ length: tokens }, () => 0.25 + 0.75 * random.next()),
    gradients: drawn(scalesOf(rows)),
  };
}

/** The tokens of samples of one layer, one sample's after the other's. */
export function together(samples: readonly [Sample, ...Sample[]]): Sample {
  const joined = (of: (sample: Sample) => Float64Array): Float64Array => Float64Array.from(samples.flatMap((sample) => [...of(sample)]));
  return {
    ...samples[0],
    inputs: joined(({ inputs }) => inputs),
    gradients: joined(({ gradients }) => gradients),
    tokenWeights: joined(({ tokenWeights }) => tokenWeights),
  };
}

/** A matrix (rows, cols) of a sample's layer with its rows in the opposite order. */
export function reversedRows<Values extends Float32Array | Uint8Array>(matrix: Values, { rows, cols }: Sample): Values {
  return matrix.map((_, i) => matrix[(rows - 1 - Math.floor(i / cols)) * cols + (i % cols)] as number) as Values; // map keeps the kind
}

/** A sample whose output rows, of weights and gradients, are in the opposite order. */
export function withRowsReversed(sample: Sample): Sample {
  const { weights, gradients, rows } = sample;
  const turned = gradients.map((_, i) => gradients[i - (i % rows) + (rows - 1 - (i % rows))] as number); // (tokens, rows)
  return { ...sample, weights: reversedRows(weights, sample), gradients: turned };
}

/** A sample's weights as a layer. */
export function layerOf({ weights, rows, cols }: Sample): Linear {
  return { name: "blocks.0.up.weight", weights: f32([rows, cols], weights), axes: ["ffn", "hidden"], sizes: { ffn: rows, hidden: cols } };
}

/**
 * A sample's statistics of these needs and no others: kit's own in plain loops, others by `makeStats`. Each token is a sequence by itself. Throws an Error
 * for another need when `makeStats` is missing; asking for a statistic that is not among the needs throws SecateurError `unsupported`.
 */
export function statsOf(sample: Sample, needs: readonly Need[], makeStats?: MakeStats): RoleStats {
  const results = new Map(needs.map((need) => [need.id, sumsOf(need, sample, makeStats)]));
  return {
    get(need) {
      const sums = results.get(need.id);
      if (!sums) {
        const declared = [...results.keys()].join(", ") || "none";
        throw new SecateurError("unsupported", `the statistic ${need.id} was asked for, but the declared needs are: ${declared}`);
      }
      return sums;
    },
  };
}

function sumsOf(need: Need, sample: Sample, makeStats: MakeStats | undefined): Readonly<Record<string, Float64Array>> {
  const own = OWN.get(need.id);
  if (own) return own(sample);
  if (makeStats) return makeStats(need, sample);
  throw new Error(`this suite cannot make the statistic ${need.id}: pass makeStats in its options`);
}

/** Kit's own statistics, by the ids of their needs. */
const OWN: ReadonlyMap<string, (sample: Sample) => Record<string, Float64Array>> = new Map([
  [inputNorm.id, inputNormOf],
  [gram.id, gramOf],
  [outputGradient.id, outputGradientOf],
  [fisher.id, fisherOf],
  [regionalGradient.id, regionalGradientOf],
]);

function inputNormOf({ inputs, tokenWeights, cols }: Sample): Record<string, Float64Array> {
  const squares = new Float64Array(cols);
  const sums = new Float64Array(cols);
  for (let t = 0; t < tokenWeights.length; t++) {
    for (let j = 0; j < cols; j++) {
      const x = inputs[t * cols + j] as number;
      squares[j] = (squares[j] as number) + (tokenWeights[t] as number) * x * x;
      sums[j] = (sums[j] as number) + (tokenWeights[t] as number) * x;
    }
  }
  return { squares, sums, weight: total(tokenWeights) };
}

function gramOf({ inputs, tokenWeights, cols }: Sample): Record<string, Float64Array> {
  const products = new Float64Array(cols * cols); // (cols, cols)
  for (let t = 0; t < tokenWeights.length; t++) {
    for (let i = 0; i < cols; i++) {
      const x = (tokenWeights[t] as number) * (inputs[t * cols + i] as number);
      for (let j = 0; j < cols; j++) {
        products[i * cols + j] = (products[i * cols + j] as number) + x * (inputs[t * cols + j] as number);
      }
    }
  }
  return { gram: products, weight: total(tokenWeights) };
}

function outputGradientOf({ gradients, tokenWeights, rows }: Sample): Record<string, Float64Array> {
  const squares = new Float64Array(rows);
  for (let at = 0; at < gradients.length; at++) {
    squares[at % rows] = (squares[at % rows] as number) + (gradients[at] as number) ** 2;
  }
  return { squares, weight: total(tokenWeights) };
}

function fisherOf(sample: Sample): Record<string, Float64Array> {
  return { squares: squaredProducts(sample), weight: total(sample.tokenWeights) };
}

function regionalGradientOf(sample: Sample): Record<string, Float64Array> {
  return { squares: squaredProducts(sample), weight: Float64Array.of(sample.tokenWeights.length) };
}

/** Σ_t (g_ti·x_tj)² (rows, cols): of the gradients of a sequence's weights too, where a sequence is one token. */
function squaredProducts({ inputs, gradients, tokenWeights, rows, cols }: Sample): Float64Array {
  const squares = new Float64Array(rows * cols);
  for (let t = 0; t < tokenWeights.length; t++) {
    for (let i = 0, at = 0; i < rows; i++) {
      for (let j = 0; j < cols; j++, at++) {
        squares[at] = (squares[at] as number) + ((gradients[t * rows + i] as number) * (inputs[t * cols + j] as number)) ** 2;
      }
    }
  }
  return squares;
}

function total(weights: Float64Array): Float64Array {
  return Float64Array.of(weights.reduce((sum, weight) => sum + weight, 0));
}
