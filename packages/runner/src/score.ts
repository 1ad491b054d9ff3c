import { SecateurError } from "@secateur/kit";
import { firstNotFinite } from "@secateur/tensor";
import type { Engine } from "./engine.ts";
import { runHead, runLogits } from "./head.ts";
import type { HeldWeights } from "./held-weights.ts";
import { type LikelyTokens, likeliestTokens, logSumExp } from "./likeliest.ts";
import { checkSequences } from "./stream.ts";
import { chunks, type HeadBatch, perToken, walkBlocks, weightsOf } from "./walk.ts";
import { type DeviceWeights, withWeights } from "./weights.ts";

/** What a model says of one sequence: for each token but the first, how surprised it was, and what it would have said. */
export interface TokenScores {
  /** −log p(token t+1 | tokens up to t), (tokens − 1). */
  readonly loss: Float32Array;
  /** The likeliest token after token t, (tokens): the last entry is what would come next. */
  readonly best: Int32Array;
  /** The likeliest tokens after token t, (tokens), where they were asked for. */
  readonly top?: readonly LikelyTokens[];
}

/** How scoring reports and stops. */
export interface ScoreOptions {
  /** Called with the share of the work that is done, 0 to 1. */
  readonly onProgress?: (share: number) => void;
  /** So many of the likeliest tokens are wanted after each, with their log-probabilities: then `loss` comes from the same logits, to the bit. */
  readonly top?: number;
  /** Weights that stay on the backend after the call too; left out, they are read and released block by block. */
  readonly weights?: HeldWeights;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Scores sequences of any lengths. Weights are streamed block by block; what is held beside the scores does not grow with the model's depth or the
 * number of sequences. Throws SecateurError `data` for a sequence that the model cannot read and `numeric` when what it says of one is not finite.
 */
export async function scoreSequences(engine: Engine, sequences: readonly Int32Array[], options: ScoreOptions = {}): Promise<TokenScores[]> {
  checkSequences(sequences, engine.description);
  const scores = new Array<TokenScores>(sequences.length);
  const total = sequences.reduce((sum, ids) => sum + ids.length, 0);
  let done = 0;
  for (const chunk of chunks(sequences)) {
    const members = chunk.map((i) => sequences[i] as Int32Array);
    const tokens = members.reduce((sum, ids) => sum + ids.length, 0);
    const report = (share: number): void => options.onProgress?.((done + tokens * share) / total);
    const walked = await walkBlocks(engine, members, { ...options, report });
    const found = await weightsOf(engine, options.weights)(engine.description.head.loss, "", (weights) =>
      perToken(walked, (batch): Promise<Said> => say(engine, weights, batch, options)),
    );
    for (const [k, { loss, best, topIds, topLogProbs }] of found.entries()) {
      const i = chunk[k] as number;
      checkFinite(loss, i);
      const top = topIds && topLogProbs && likelyTokens(best.length, topIds, topLogProbs);
      scores[i] = { loss: loss.subarray(0, -1), best, ...(top && { top }) };
    }
    done += tokens;
    options.onProgress?.(done / total);
  }
  return scores;
}

/** What the head says of rows: `loss` and `best` (rows), and the likeliest tokens of each, (rows, top). */
type Said = Readonly<Record<"loss", Float32Array> & Record<"best", Int32Array>> & {
  readonly topIds?: Int32Array;
  readonly topLogProbs?: Float32Array;
};

async function say(engine: Engine, weights: DeviceWeights, { states, targets }: HeadBatch, { top, signal }: ScoreOptions): Promise<Said> {
  if (top === undefined) return runHead(engine, weights, states, targets, signal);
  const { vocabulary } = engine.description;
  const [rows, count] = [targets.length, Math.min(Math.max(1, top), vocabulary)];
  const [loss, best] = [new Float32Array(rows), new Int32Array(rows)];
  const [topIds, topLogProbs] = [new Int32Array(rows * count), new Float32Array(rows * count)];
  const takeRow = (logits: Float32Array, row: number): void => {
    const sum = logSumExp(logits);
    const likely = likeliestTokens(logits, count, sum);
    loss[row] = sum - (logits[targets[row] as number] as number);
    best[row] = likely.ids[0] as number;
    topIds.set(likely.ids, row * count);
    topLogProbs.set(likely.logProbs, row * count);
  };
  const takeRows = (logits: Float32Array, from: number): void => {
    for (let i = 0; i * vocabulary < logits.length; i++) takeRow(logits.subarray(i * vocabulary, (i + 1) * vocabulary), from + i);
  };
  await runLogits(engine, weights, states, takeRows, signal);
  return { loss, best, topIds, topLogProbs };
}

function likelyTokens(tokens: number, ids: Int32Array, logProbs: Float32Array): LikelyTokens[] {
  const count = ids.length / tokens;
  return Array.from({ length: tokens }, (_, t) => {
    const [from, to] = [t * count, (t + 1) * count];
    return { ids: ids.subarray(from, to), logProbs: logProbs.subarray(from, to) };
  });
}

/** The model's logits for each sequence, (tokens, vocabulary): for checks against other implementations. */
export async function logitsOf(engine: Engine, sequences: readonly Int32Array[]): Promise<Float32Array[]> {
  checkSequences(sequences, engine.description);
  const { vocabulary, head } = engine.description;
  const walked = await walkBlocks(engine, sequences);
  const found = await withWeights(engine, head.logits, "", (weights) =>
    perToken(walked, async ({ states, targets }) => {
      const logits = new Float32Array(targets.length * vocabulary);
      await runLogits(engine, weights, states, (some, row) => logits.set(some, row * vocabulary));
      return { logits };
    }),
  );
  return found.map(({ logits }) => logits);
}

// Attention carries a NaN to every token of its sequence, so the place where one is found says nothing.
function checkFinite(loss: Float32Array, sequence: number): void {
  const bad = firstNotFinite(loss);
  if (bad >= 0)
    throw new SecateurError("numeric", `sequence ${sequence + 1}: −log p is ${loss[bad]}: what the model says of it is not finite`);
}
