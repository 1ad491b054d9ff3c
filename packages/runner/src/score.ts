import { throwIfCancelled } from "@secateur/kit";
import { HIDDEN, TARGET } from "@secateur/models";
import { f32, tensor } from "@secateur/tensor";
import { type Engine, forward, loadWeights } from "./engine.ts";
import { embed, type Stream } from "./stream.ts";

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
// Logits are computed for so few tokens at a time that they stay below this many numbers.
const LOGITS = 1 << 24;

/** Scores sequences of any lengths. Weights are streamed block by block; memory does not grow with the model's depth or the number of sequences. */
export async function scoreSequences(engine: Engine, sequences: readonly Int32Array[], options: ScoreOptions = {}): Promise<TokenScores[]> {
  const scores = new Array<TokenScores>(sequences.length);
  const total = sequences.reduce((sum, ids) => sum + ids.length, 0);
  let done = 0;
  for (const chunk of chunks(sequences)) {
    const tokens = chunk.reduce((sum, i) => sum + (sequences[i] as Int32Array).length, 0);
    const report = (share: number): void => options.onProgress?.((done + tokens * share) / total);
    const results = await scoreChunk(
      engine,
      chunk.map((i) => sequences[i] as Int32Array),
      report,
      options.signal,
    );
    for (const [k, i] of chunk.entries()) scores[i] = results[k] as TokenScores;
    done += tokens;
  }
  return scores;
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

async function scoreChunk(
  engine: Engine,
  sequences: readonly Int32Array[],
  report: (share: number) => void,
  signal: AbortSignal | undefined,
): Promise<TokenScores[]> {
  const { description, model, backend } = engine;
  const stream = await embed(model, description, sequences.map(asSequence), backend.preferredTokens);
  const steps = description.blocks.length + 1;
  for (const [i, block] of description.blocks.entries()) {
    throwIfCancelled(signal);
    const weights = await loadWeights(engine, block.program, block.prefix);
    await forward(engine, block.program, weights, stream, signal && { signal });
    weights.release();
    report((i + 1) / steps);
  }
  const scores = await scoreStream(
    engine,
    stream,
    sequences.map((ids) => ids.length),
  );
  report(1);
  return scores;
}

function asSequence(ids: Int32Array): { ids: Int32Array; weights: Float32Array } {
  return { ids, weights: new Float32Array(ids.length).fill(1) };
}

/** Runs the head over the hidden states of a stream that has passed all blocks. */
async function scoreStream(engine: Engine, stream: Stream, lengths: readonly number[]): Promise<TokenScores[]> {
  const { description, backend } = engine;
  const program = description.head.loss;
  const executable = await engine.executable(program);
  const weights = await loadWeights(engine, program, "");
  const rows = Math.max(1, Math.floor(LOGITS / description.vocabulary));
  const scores = new Array<TokenScores>(lengths.length);
  for (const batch of stream.batches) {
    const size = batch.members.length * batch.tokens;
    const [loss, best] = [new Float32Array(size), new Int32Array(size)];
    const targets = new Int32Array(size);
    targets.set(batch.ids.subarray(1)); // a sequence's last token has the next one's first as its target: never read
    for (let at = 0; at < size; at += rows) {
      const end = Math.min(at + rows, size);
      const hidden = backend.upload(
        f32([1, end - at, description.hidden], batch.hidden.subarray(at * description.hidden, end * description.hidden)),
      );
      const target = backend.upload(tensor("I32", [1, end - at], targets.subarray(at, end)));
      const outputs = await backend.run(executable, { [HIDDEN]: hidden, [TARGET]: target, ...weights.device });
      loss.set((await backend.download(outputs.loss as typeof hidden)).data as Float32Array, at); // F32 by the program
      best.set((await backend.download(outputs.best as typeof hidden)).data as Int32Array, at); // I32 by the program
      for (const value of [hidden, target, ...Object.values(outputs)]) backend.release(value);
    }
    for (const [b, member] of batch.members.entries()) {
      const start = b * batch.tokens;
      const length = lengths[member] as number;
      scores[member] = { loss: loss.slice(start, start + length - 1), best: best.slice(start, start + length) };
    }
  }
  weights.release();
  return scores;
}

/** The model's logits for sequences of one length, (sequences, tokens, vocabulary): for checks against other implementations. */
export async function logitsOf(engine: Engine, sequences: readonly Int32Array[]): Promise<Float32Array[]> {
  const { description, backend } = engine;
  const stream = await embed(engine.model, description, sequences.map(asSequence), backend.preferredTokens);
  for (const block of description.blocks) {
    const weights = await loadWeights(engine, block.program, block.prefix);
    await forward(engine, block.program, weights, stream);
    weights.release();
  }
  const program = description.head.logits;
  const weights = await loadWeights(engine, program, "");
  const logits = new Array<Float32Array>(sequences.length);
  for (const batch of stream.batches) {
    for (const [b, member] of batch.members.entries()) {
      const length = (sequences[member] as Int32Array).length;
      const start = b * batch.tokens * description.hidden;
      const hidden = backend.upload(
        f32([1, length, description.hidden], batch.hidden.subarray(start, start + length * description.hidden)),
      );
      const outputs = await backend.run(await engine.executable(program), { [HIDDEN]: hidden, ...weights.device });
      logits[member] = ((await backend.download(outputs.logits as typeof hidden)).data as Float32Array).slice(); // F32 by the program
      for (const value of [hidden, ...Object.values(outputs)]) backend.release(value);
    }
  }
  weights.release();
  return logits;
}
