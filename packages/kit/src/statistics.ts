import type { Reduction } from "@secateur/graph";

/** A name for data of one purpose: `general`, or a task's. */
export type Role = string;

/** The role of text that stands for everything that a model should still do. */
export const GENERAL: Role = "general";

/** A statistic that a plugin wants at linear layers; batches and shards are merged by adding the sums, in double precision, and so is a leading `batch` axis. */
export interface Need extends Reduction {
  readonly merge: "sum";
}

/** One role's statistics of one linear layer. */
export interface RoleStats {
  /** The sums of a statistic by name. Throws SecateurError `unsupported` when it was not collected. */
  get(need: Need): Readonly<Record<string, Float64Array>>;
}

/** Of a layer's input x with token weights ω: `squares` Σωx² (in), `sums` Σωx (in), `weight` Σω (1). */
export const inputNorm: Need = {
  id: "inputNorm",
  of: "input",
  merge: "sum",
  reduce(b, values, tokenWeights) {
    const [batch, tokens, channels] = values.shape as readonly [string, string, number];
    // A row of weights against the tokens of each sequence: (batch, 1, tokens) · (batch, tokens, channels)
    const row = b.reshape(tokenWeights, [batch, 1, tokens]);
    return {
      squares: b.reshape(b.matmul(row, b.mul(values, values)), [batch, channels]),
      sums: b.reshape(b.matmul(row, values), [batch, channels]),
      weight: b.reduceSum(tokenWeights, 1),
    };
  },
};

/** Of a layer's input X (tokens, in) with token weights ω: `gram` XᵀωX (in, in) and `weight` Σω (1). */
export const gram: Need = {
  id: "gram",
  of: "input",
  merge: "sum",
  reduce(b, values, tokenWeights) {
    const [batch, tokens, channels] = values.shape as readonly [string, string, number];
    const flat = b.reshape(values, [`${batch}*${tokens}`, channels]);
    const weighted = b.mul(flat, b.reshape(tokenWeights, [`${batch}*${tokens}`, 1]));
    return { gram: b.matmul(b.transpose(weighted, [1, 0]), flat), weight: b.reduceSum(tokenWeights, 1) };
  },
};

/** The RMS norm of each input channel, √(Σωx²/Σω) (in). */
export function inputRms(stats: RoleStats): Float64Array {
  const { squares, weight } = stats.get(inputNorm) as Record<string, Float64Array>;
  const tokens = weight?.[0] ?? 0;
  return (squares as Float64Array).map((sum) => Math.sqrt(sum / tokens));
}
