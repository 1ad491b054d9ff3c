import { type OpenModel, SecateurError } from "@secateur/kit";
import { HIDDEN, type ModelDescription } from "@secateur/models";
import { toFloat32 } from "@secateur/tensor";
import { type Batch, planBatches } from "./batches.ts";
import { createStateStore, type State, type StateStore } from "./states.ts";

/** What the runner reads of a sequence: its tokens, and how much each counts in statistics. */
export interface TokenSequence {
  readonly ids: Int32Array;
  readonly weights: Float32Array;
  /** How many tokens stand before these, which a stream of them does not hold; 0 when left out. */
  readonly past?: number;
}

/** The hidden states of some sequences on their way through the blocks. */
export interface Stream {
  readonly batches: readonly StreamBatch[];
  /** Holds what the batches' states stand for. */
  readonly store: StateStore;
}

/** One batch of a stream. */
export interface StreamBatch extends Batch {
  /** The members' tokens without padding. */
  readonly lengths: readonly number[];
  /** (members, tokens), padded at the end with 0. */
  readonly ids: Int32Array;
  /** (members, tokens), 0 for padding. */
  readonly weights: Float32Array;
  /** What the batch has become so far, by the names of the block's program: between blocks its hidden states (members, tokens, hidden), within one what is carried past a cut. */
  states: ReadonlyMap<string, State>;
}

/** Looks up the embeddings of some sequences. The store stays the caller's. Throws SecateurError `data` as `checkSequences` does. */
export async function embed(
  model: OpenModel,
  description: ModelDescription,
  sequences: readonly TokenSequence[],
  preferredTokens: number,
  store: StateStore = createStateStore(),
): Promise<Stream> {
  const allIds = sequences.map(({ ids }) => ids);
  checkSequences(allIds, description);
  const used = new Set<number>();
  for (const ids of allIds) for (const id of ids) used.add(id);
  const sorted = [...used].sort((a, b) => a - b);
  const rows = toFloat32(await model.readRows(description.embedding.tensor, sorted)); // (used, hidden)
  const rowOf = new Map(sorted.map((id, row) => [id, row]));
  const { hidden: width } = description;

  const lengths = allIds.map((ids) => ids.length);
  const batches: StreamBatch[] = [];
  const pasts = sequences.map(({ past = 0 }) => past);
  for (const batch of planBatches(lengths, preferredTokens, pasts)) {
    const size = batch.members.length * batch.tokens;
    const [ids, weights, hidden] = [new Int32Array(size), new Float32Array(size), new Float32Array(size * width)];
    for (const [b, member] of batch.members.entries()) {
      const sequence = sequences[member] as TokenSequence;
      ids.set(sequence.ids, b * batch.tokens);
      weights.set(sequence.weights, b * batch.tokens);
      for (const [t, id] of sequence.ids.entries()) {
        const row = rowOf.get(id) as number;
        hidden.set(rows.subarray(row * width, (row + 1) * width), (b * batch.tokens + t) * width);
      }
    }
    const states = new Map([[HIDDEN, await store.keep(hidden)]]);
    batches.push({ ...batch, lengths: batch.members.map((member) => lengths[member] as number), ids, weights, states });
  }
  return { batches, store };
}

/** A batch's hidden states between two blocks, (members, tokens, hidden), to be read until its store is asked to `unload` them. */
export function hiddenOf({ store }: Stream, batch: StreamBatch): Promise<Float32Array> {
  const state = batch.states.get(HIDDEN);
  if (!state) throw new SecateurError("internal", "a stream in the midst of a block has no hidden states to read");
  return store.load(state);
}

/** Throws SecateurError `data` for a sequence without tokens or longer than the model's positions, or a token id outside the vocabulary. */
export function checkSequences(sequences: readonly Int32Array[], { vocabulary, positions }: ModelDescription): void {
  for (const [i, ids] of sequences.entries()) {
    const fail = (what: string): never => {
      throw new SecateurError("data", `sequence ${i + 1} has ${what}`);
    };
    if (ids.length === 0) fail("no tokens");
    if (ids.length > positions) fail(`${ids.length} tokens, the model has ${positions} positions`);
    const wrong = ids.find((id) => id < 0 || id >= vocabulary);
    if (wrong !== undefined) fail(`token id ${wrong}, the model's vocabulary ends at ${vocabulary - 1}`);
  }
}
