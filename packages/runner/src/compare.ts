import { appendProgram, type Program, type ProgramBuilder, programBuilder, type Value } from "@secateur/graph";
import { type DeviceTensor, type Executable, SecateurError, throwIfCancelled } from "@secateur/kit";
import { HIDDEN } from "@secateur/models";
import { f32 } from "@secateur/tensor";
import type { Engine } from "./engine.ts";
import { headTokens } from "./head.ts";
import { withHeld } from "./held.ts";
import type { ScoreOptions } from "./score.ts";
import { checkSequences } from "./stream.ts";
import { chunks, type HeadBatch, headBatches, perToken, type Walked, walkBlocks } from "./walk.ts";
import { withWeights } from "./weights.ts";

/** How far what a model says after each token of a sequence is from what another says. */
export type TokenDistances = {
  /** KL(other ‖ model) of the next token, in nats, (tokens). */
  readonly divergence: Float32Array;
  /** 1 where both find the same token the likeliest, else 0, (tokens). */
  readonly agrees: Int32Array;
};

const OWN = "own.";
const OTHER = "other.";

/**
 * Compares two models of one vocabulary on one backend, after each token of some sequences. Logits are neither kept nor copied off the backend. Throws SecateurError `data` for a
 * sequence that one of them cannot read, `unsupported` for models that cannot be compared, and `numeric` when what they say of one is not finite.
 */
export async function compareSequences(
  engine: Engine,
  other: Engine,
  sequences: readonly Int32Array[],
  options: ScoreOptions = {},
): Promise<TokenDistances[]> {
  checkComparable(engine, other);
  for (const { description } of [engine, other]) checkSequences(sequences, description);
  const distances = new Array<TokenDistances>(sequences.length);
  const total = sequences.reduce((sum, ids) => sum + ids.length, 0);
  let done = 0;
  for (const chunk of chunks(sequences)) {
    const members = chunk.map((i) => sequences[i] as Int32Array);
    const tokens = members.reduce((sum, ids) => sum + ids.length, 0);
    const half = (from: number) => (share: number) => options.onProgress?.((done + tokens * (from + share / 2)) / total);
    const own = await walkBlocks(engine, members, { signal: options.signal, report: half(0) });
    const theirs = await walkBlocks(other, members, { signal: options.signal, report: half(1 / 2) });
    for (const [k, found] of (await compareWalked([engine, own], [other, theirs], options.signal)).entries()) {
      const i = chunk[k] as number;
      const bad = found.divergence.findIndex((value) => !Number.isFinite(value));
      if (bad >= 0)
        throw new SecateurError(
          "numeric",
          `sequence ${i + 1}: the divergence is ${found.divergence[bad]}: what one of the models says of it is not finite`,
        );
      distances[i] = found;
    }
    done += tokens;
    options.onProgress?.(done / total);
  }
  return distances;
}

function checkComparable({ description, backend }: Engine, other: Engine): void {
  const fail = (what: string): never => {
    throw new SecateurError("unsupported", `the two models cannot be compared: ${what}`);
  };
  const [own, theirs] = [description.vocabulary, other.description.vocabulary];
  if (own !== theirs) fail(`their vocabularies have ${own} and ${theirs} tokens`);
  if (backend !== other.backend) fail("they are on two backends");
}

async function compareWalked(
  [engine, own]: readonly [Engine, Walked],
  [other, theirs]: readonly [Engine, Walked],
  signal: AbortSignal | undefined,
): Promise<TokenDistances[]> {
  const [ownHead, otherHead] = [engine.description.head.logits, other.description.head.logits];
  const executable = await engine.executable(distanceProgram(ownHead, otherHead), { exact: true });
  return withWeights(engine, ownHead, "", (ownWeights) =>
    withWeights(other, otherHead, "", (otherWeights) => {
      const weights = { ...prefixed(ownWeights.device, OWN), ...prefixed(otherWeights.device, OTHER) };
      const others = headBatches(theirs); // the same batches, of the other's states
      return perToken(own, async ({ states }) => {
        const batch = (await others.next()).value as HeadBatch;
        return runDistance(
          engine,
          executable,
          weights,
          { states, others: batch.states, widths: [engine, other].map(({ description }) => description.hidden) },
          signal,
        );
      });
    }),
  );
}

/** Both models' hidden states of some tokens. */
interface States {
  readonly states: Float32Array; // (tokens, widths[0])
  readonly others: Float32Array; // (tokens, widths[1])
  readonly widths: readonly number[];
}

async function runDistance(
  { backend, description }: Engine,
  executable: Executable,
  weights: Readonly<Record<string, DeviceTensor>>,
  { states, others, widths }: States,
  signal: AbortSignal | undefined,
): Promise<TokenDistances> {
  const [width, otherWidth] = widths as readonly [number, number];
  const size = states.length / width;
  const rows = Math.ceil(headTokens(description.vocabulary) / 4); // the logits of both, and what comes between
  const [divergence, agrees] = [new Float32Array(size), new Int32Array(size)];
  for (let at = 0; at < size; at += rows) {
    throwIfCancelled(signal);
    const end = Math.min(at + rows, size);
    await withHeld(backend, async (hold) => {
      const part = (all: Float32Array, numbers: number): DeviceTensor =>
        hold(backend.upload(f32([1, end - at, numbers], all.subarray(at * numbers, end * numbers))));
      const inputs = { [OWN + HIDDEN]: part(states, width), [OTHER + HIDDEN]: part(others, otherWidth) };
      const outputs = await backend.run(executable, { ...inputs, ...weights });
      for (const value of Object.values(outputs)) hold(value);
      const get = async (name: string) => (await backend.download(outputs[name] as DeviceTensor)).data; // the program's outputs
      const [kl, best, otherBest] = [await get("divergence"), await get("best"), await get("otherBest")];
      for (let i = 0; i < end - at; i++) {
        divergence[at + i] = Math.max(0, kl[i] as number); // below 0 by rounding alone; a NaN stays
        agrees[at + i] = best[i] === otherBest[i] ? 1 : 0;
      }
    });
  }
  return { divergence, agrees };
}

/** From the hidden states of both models to KL(other ‖ own) = Σ p·(log p − log q), and each one's likeliest token. */
function distanceProgram(own: Program, other: Program): Program {
  const b = programBuilder({});
  const [q, p] = [appendProgram(b, own, OWN).logits as Value, appendProgram(b, other, OTHER).logits as Value]; // (batch, tokens, vocabulary)
  const [logQ, logP] = [logSoftmax(b, q), logSoftmax(b, p)];
  const divergence = b.reduceSum(b.mul(b.exp(logP), b.sub(logP, logQ)), -1);
  return b.build({ divergence, best: b.argmax(q), otherBest: b.argmax(p) });
}

function logSoftmax(b: ProgramBuilder, logits: Value): Value {
  const shifted = b.sub(logits, b.reduceMax(logits, -1, true));
  return b.sub(shifted, b.log(b.reduceSum(b.exp(shifted), -1, true)));
}

function prefixed(device: Readonly<Record<string, DeviceTensor>>, prefix: string): Record<string, DeviceTensor> {
  return Object.fromEntries(Object.entries(device).map(([name, value]) => [prefix + name, value]));
}
