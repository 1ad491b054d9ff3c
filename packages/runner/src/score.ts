import { SecateurError } from "@secateur/kit";
import { HIDDEN } from "@secateur/models";
import { f32, firstNotFinite } from "@secateur/tensor";
import type { Engine } from "./engine.ts";
import { runHead } from "./head.ts";
import { withHeld } from "./held.ts";
import { checkSequences } from "./stream.ts";
import { chunks, perToken, walkBlocks } from "./walk.ts";
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
    const found = await withWeights(engine, engine.description.head.loss, "", (weights) =>
      perToken(walked, ({ states, targets }) => runHead(engine, weights, states, targets, options.signal)),
    );
    for (const [k, { loss, best }] of found.entries()) {
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
  const found = await withWeights(engine, program, "", (weights) =>
    perToken(walked, async ({ states, targets, places }) => {
      const logits = new Float32Array(targets.length * vocabulary);
      for (const { segment, row } of places) {
        const tokens = segment.end - segment.start;
        const own = f32([1, tokens, width], states.subarray(row * width, (row + tokens) * width));
        await withHeld(backend, async (hold) => {
          const outputs = await backend.run(executable, { [HIDDEN]: hold(backend.upload(own)), ...weights.device });
          const value = hold(outputs.logits as (typeof outputs)[string]); // the program's output
          logits.set((await backend.download(value)).data as Float32Array, row * vocabulary); // F32 by the program
        });
      }
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
