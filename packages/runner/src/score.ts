import { SecateurError, throwIfCancelled } from "@secateur/kit";
import { HIDDEN } from "@secateur/models";
import { f32, firstNotFinite } from "@secateur/tensor";
import type { Engine } from "./engine.ts";
import { forward } from "./forward.ts";
import { runHead } from "./head.ts";
import { withHeld } from "./held.ts";
import { checkSequences, embed, hiddenOf, type Stream } from "./stream.ts";
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
  readonly signal?: AbortSignal;
}

// So many tokens go through the blocks together: their hidden states are held, and the weights are read once for all of them.
const CHUNK_TOKENS = 32_768;
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
    const stream = await throughBlocks(engine, members, options.signal, (share) => options.onProgress?.((done + tokens * share) / total));
    const lossAndBest = await scoreStream(engine, stream, options.signal);
    for (const [k, { loss, best }] of lossAndBest.entries()) {
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
  const { description, backend } = engine;
  const stream = await throughBlocks(engine, sequences);
  const program = description.head.logits;
  const executable = await engine.executable(program, { exact: true }); // thousands of logits compete by small differences
  const logits = new Array<Float32Array>(sequences.length);
  await withWeights(engine, program, "", async (weights) => {
    for (const batch of stream.batches) {
      const { members, tokens } = batch;
      const hidden = await hiddenOf(stream, batch);
      for (const [b, member] of members.entries()) {
        const length = (sequences[member] as Int32Array).length;
        const start = b * tokens * description.hidden;
        const own = f32([1, length, description.hidden], hidden.subarray(start, start + length * description.hidden));
        logits[member] = await withHeld(backend, async (hold) => {
          const outputs = await backend.run(executable, { [HIDDEN]: hold(backend.upload(own)), ...weights.device });
          const value = hold(outputs.logits as (typeof outputs)[string]); // the program's output
          return ((await backend.download(value)).data as Float32Array).slice(); // F32 by the program
        });
      }
    }
  });
  return logits;
}

function chunks(sequences: readonly Int32Array[]): number[][] {
  const result: number[][] = [];
  let tokens = CHUNK_TOKENS;
  for (const [i, ids] of sequences.entries()) {
    if (tokens + ids.length > CHUNK_TOKENS) {
      result.push([]);
      tokens = 0;
    }
    result.at(-1)?.push(i);
    tokens += ids.length;
  }
  return result;
}

/** Hidden states after the last block. `report` hears the share of the work, in which the head counts as a block. */
async function throughBlocks(
  engine: Engine,
  sequences: readonly Int32Array[],
  signal?: AbortSignal,
  report?: (share: number) => void,
): Promise<Stream> {
  const { description, model, backend } = engine;
  const weighed = sequences.map((ids) => ({ ids, weights: new Float32Array(ids.length).fill(1) }));
  const stream = await embed(model, description, weighed, backend.preferredTokens);
  for (const [i, { program, prefix }] of description.blocks.entries()) {
    throwIfCancelled(signal);
    await withWeights(engine, program, prefix, (weights) => forward(engine, program, weights, stream, signal && { signal }));
    report?.((i + 1) / (description.blocks.length + 1));
  }
  return stream;
}

/** Runs the head over the hidden states of a stream that has passed all blocks: per sequence and token, loss and likeliest next token. The last loss is of no real target. */
async function scoreStream(engine: Engine, stream: Stream, signal: AbortSignal | undefined): Promise<TokenScores[]> {
  const scores: TokenScores[] = [];
  await withWeights(engine, engine.description.head.loss, "", async (weights) => {
    for (const batch of stream.batches) {
      const targets = new Int32Array(batch.ids.length);
      targets.set(batch.ids.subarray(1)); // a sequence's last token has the next one's first as its target: never read
      const { loss, best } = await runHead(engine, weights, await hiddenOf(stream, batch), targets, signal);
      for (const [b, member] of batch.members.entries()) {
        const start = b * batch.tokens;
        const end = start + (batch.lengths[b] as number);
        scores[member] = { loss: loss.slice(start, end), best: best.slice(start, end) };
      }
    }
  });
  return scores;
}

// Attention carries a NaN to every token of its sequence, so the place where one is found says nothing.
function checkFinite(loss: Float32Array, sequence: number): void {
  const bad = firstNotFinite(loss);
  if (bad >= 0)
    throw new SecateurError("numeric", `sequence ${sequence + 1}: −log p is ${loss[bad]}: what the model says of it is not finite`);
}
