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

/**
 * Of the gradient g of the model's loss L = Σω·NLL at a layer's output: `squares` Σg² (out) and `weight` Σω (1). The token weights are the loss's own, so that a
 * token without weight counts where others attend to it.
 */
export const outputGradient: Need = {
  id: "outputGradient",
  of: "gradient",
  merge: "sum",
  reduce(b, gradient, tokenWeights) {
    const [batch, tokens, channels] = gradient.shape as readonly [string, string, number];
    const row = b.reshape(b.add(b.mul(tokenWeights, b.constant(0)), b.constant(1)), [batch, 1, tokens]); // ones
    return {
      squares: b.reshape(b.matmul(row, b.mul(gradient, gradient)), [batch, channels]),
      weight: b.reduceSum(tokenWeights, 1),
    };
  },
};

/** The diagonal of a layer's empirical Fisher information, a token at a time: `squares` Σ_t g_ti²·x_tj² (out, in) and `weight` Σω (1), g as in `outputGradient` and x the layer's input. */
export const fisher: Need = {
  id: "fisher",
  of: "gradient",
  merge: "sum",
  reduce(b, gradient, tokenWeights, input) {
    const [batch, tokens, rows] = gradient.shape as readonly [string, string, number];
    const flat = `${batch}*${tokens}`;
    const [squares, inputs] = [
      b.reshape(b.mul(gradient, gradient), [flat, rows]),
      b.reshape(b.mul(input, input), [flat, input.shape[2] as number]),
    ];
    return { squares: b.matmul(b.transpose(squares, [1, 0]), inputs), weight: b.reduceSum(tokenWeights, 1) };
  },
};

/**
 * The regional gradient of a layer's weights (Wanda++, arXiv 2503.04992, section 3): `squares` Σ_n (∂ℓ_n/∂W)² (out, in) over sequences n, ℓ_n = ‖f(X_n)‖₂ the norm of
 * what the layer's block alone gives for one, tokens weighed; `weight` the number of sequences in which a token has weight (1).
 */
export const regionalGradient: Need = {
  id: "regionalGradient",
  of: "regional",
  merge: "sum",
  reduce(b, gradient, tokenWeights, input) {
    const ofSequence = b.matmul(b.transpose(gradient, [0, 2, 1]), input); // (batch, out, in)
    const [none, one] = [b.constant(0), b.constant(1)];
    return {
      squares: b.reduceSum(b.mul(ofSequence, ofSequence), 0),
      weight: b.select(b.lessEqual(b.reduceSum(tokenWeights, 1), none), none, one), // (batch)
    };
  },
};

/** The RMS norm of the gradient at each output channel, √(Σg²/Σω) (out). */
export function gradientRms(stats: RoleStats): Float64Array {
  const { squares, weight } = stats.get(outputGradient) as Record<string, Float64Array>;
  const tokens = weight?.[0] ?? 0;
  return (squares as Float64Array).map((sum) => Math.sqrt(sum / tokens));
}

/** The RMS norm of each input channel, √(Σωx²/Σω) (in). */
export function inputRms(stats: RoleStats): Float64Array {
  const { squares, weight } = stats.get(inputNorm) as Record<string, Float64Array>;
  const tokens = weight?.[0] ?? 0;
  return (squares as Float64Array).map((sum) => Math.sqrt(sum / tokens));
}
