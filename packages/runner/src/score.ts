import { SecateurError } from "@secateur/kit";
import { HIDDEN } from "@secateur/models";
import { f32, firstNotFinite } from "@secateur/tensor";
import type { Engine } from "./engine.ts";
import { runHead } from "./head.ts";
import { withHeld } from "./held.ts";
import type { Segment } from "./prefixes.ts";
import { checkSequences } from "./stream.ts";
import { chunks, headBatches, joinSegments, type Walked, walkBlocks } from "./walk.ts";
import { withWeights } from "./weights.ts";

/** What a model says of one sequence: for each token but the first, how surprised it was, and what it would have said. */
export interface TokenScores {
  /** −log p(token t+1 | tokens up to t), (tokens − 1). */
  readonly loss: Float32Array;
  /** The likeliest token after token t, (tokens): the last entry is what would come next. */
  readonly best: Int32Array;
}

/** How scoring reports and stops. */
export interface ScoreOptions {
  /** Called with the share of the work that is done, 0 to 1. */
  readonly onProgress?: (share: number) => void;
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
    const walked = await walkBlocks(engine, members, options.signal, (share) => options.onProgress?.((done + tokens * share) / total));
    for (const [k, { loss, best }] of (await scoreWalked(engine, walked, options.signal)).entries()) {
      const i = chunk[k] as number;
      checkFinite(loss, i);
      scores[i] = { loss: loss.subarray(0, -1), best };
    }
    done += tokens;
    options.onProgress?.(done / total);
  }
  return scores;
}

/** The model's logits for each sequence, (tokens, vocabulary): for checks against other implementations. */
export async function logitsOf(engine: Engine, sequences: readonly Int32Array[]): Promise<Float32Array[]> {
  checkSequences(sequences, engine.description);
  const { description, backend } = engine;
  const { hidden: width, vocabulary } = description;
  const program = description.head.logits;
  const executable = await engine.executable(program, { exact: true }); // thousands of logits compete by small differences
  const walked = await walkBlocks(engine, sequences);
  const logits = new Map<Segment, Float32Array>();
  await withWeights(engine, program, "", async (weights) => {
    for await (const { states, places } of headBatches(walked)) {
      for (const { segment, row } of places) {
        const tokens = segment.end - segment.start;
        const own = f32([1, tokens, width], states.subarray(row * width, (row + tokens) * width));
        await withHeld(backend, async (hold) => {
          const outputs = await backend.run(executable, { [HIDDEN]: hold(backend.upload(own)), ...weights.device });
          const value = hold(outputs.logits as (typeof outputs)[string]); // the program's output
          logits.set(segment, ((await backend.download(value)).data as Float32Array).slice()); // F32 by the program
        });
      }
    }
  });
  return joinSegments(walked, logits, vocabulary, (length) => new Float32Array(length));
}

/** Runs the head over sequences that have passed all blocks: per token, loss and likeliest next token. The last loss of a sequence is of no real target. */
async function scoreWalked(engine: Engine, walked: Walked, signal: AbortSignal | undefined): Promise<TokenScores[]> {
  const losses = new Map<Segment, Float32Array>();
  const likeliest = new Map<Segment, Int32Array>();
  await withWeights(engine, engine.description.head.loss, "", async (weights) => {
    for await (const { states, targets, places } of headBatches(walked)) {
      const { loss, best } = await runHead(engine, weights, states, targets, signal);
      for (const { segment, row } of places) {
        const end = row + segment.end - segment.start;
        losses.set(segment, loss.slice(row, end));
        likeliest.set(segment, best.slice(row, end));
      }
    }
  });
  const best = joinSegments(walked, likeliest, 1, (length) => new Int32Array(length));
  return joinSegments(walked, losses, 1, (length) => new Float32Array(length)).map((loss, i) => ({ loss, best: best[i] as Int32Array }));
}

// Attention carries a NaN to every token of its sequence, so the place where one is found says nothing.
function checkFinite(loss: Float32Array, sequence: number): void {
  const bad = firstNotFinite(loss);
  if (bad >= 0)
    throw new SecateurError("numeric", `sequence ${sequence + 1}: −log p is ${loss[bad]}: what the model says of it is not finite`);
}
