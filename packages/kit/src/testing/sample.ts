import { f32, seededRandom } from "@secateur/tensor";
import type { Linear } from "../contracts.ts";
import { SecateurError } from "../errors.ts";
import { gram, inputNorm, type Need, type RoleStats } from "../statistics.ts";

/** A linear layer and inputs for it, from which statistics of any kind follow. */
export interface Sample {
  readonly rows: number;
  readonly cols: number;
  /** (rows, cols), row-major. */
  readonly weights: Float32Array;
  /** (tokens, cols), row-major. */
  readonly inputs: Float64Array;
  /** (tokens). */
  readonly tokenWeights: Float64Array;
}

/** The sums of a statistic of a sample, by name, as its `reduce` would give them. */
export type MakeStats = (need: Need, sample: Sample) => Readonly<Record<string, Float64Array>>;

/** A sample whose channels differ in size by factors up to 16, and its token weights by factors up to 4. */
export function randomSample(seed: number, rows: number, cols: number, tokens: number = 2 * cols + 3): Sample {
  const random = seededRandom(seed);
  const scales = Float64Array.from({ length: cols }, () => 2 ** (4 * random.next() - 2));
  return {
    rows,
    cols,
    weights: Float32Array.from({ length: rows * cols }, () => random.next() - 0.5),
    inputs: Float64Array.from({ length: tokens * cols }, (_, i) => (random.next() - 0.5) * (scales[i % cols] as number)),
    tokenWeights: Float64Array.from({ length: tokens }, () => 0.25 + 0.75 * random.next()),
  };
}

/** A sample's weights as a layer. */
export function layerOf({ weights, rows, cols }: Sample): Linear {
  return { name: "blocks.0.up.weight", weights: f32([rows, cols], weights), axes: ["ffn", "hidden"], sizes: { ffn: rows, hidden: cols } };
}

/**
 * A sample's statistics of these needs and no others: `inputNorm` and `gram` in plain loops, others by `makeStats`. Throws an Error for another
 * need when `makeStats` is missing; asking for a statistic that is not among the needs throws SecateurError `unsupported`.
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
  if (need.id === inputNorm.id) return inputNormOf(sample);
  if (need.id === gram.id) return gramOf(sample);
  if (makeStats) return makeStats(need, sample);
  throw new Error(`this suite cannot make the statistic ${need.id}: pass makeStats in its options`);
}

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

function total(weights: Float64Array): Float64Array {
  return Float64Array.of(weights.reduce((sum, weight) => sum + weight, 0));
}
