import { type OpenModel, SecateurError } from "@secateur/kit";
import type { ModelDescription } from "@secateur/models";
import { toFloat32 } from "@secateur/tensor";
import { type Batch, planBatches } from "./batches.ts";

/** What the runner reads of a sequence: its tokens, and how much each counts in statistics. */
export interface TokenSequence {
  readonly ids: Int32Array;
  readonly weights: Float32Array;
}

/** The hidden states of some sequences on their way through the blocks. */
export interface Stream {
  readonly batches: readonly StreamBatch[];
  /** Tokens without padding. */
  readonly tokens: number;
}

/** One batch of a stream. */
export interface StreamBatch extends Batch {
  /** (members, tokens), padded with 0. */
  readonly ids: Int32Array;
  /** (members, tokens), 0 for padding. */
  readonly weights: Float32Array;
  /** (members, tokens, hidden): replaced at each block. */
  hidden: Float32Array;
}

/** Looks up the embeddings of some sequences. Throws SecateurError `data` for a token id outside the vocabulary or a sequence longer than the model's positions. */
export async function embed(
  model: OpenModel,
  description: ModelDescription,
  sequences: readonly TokenSequence[],
  preferredTokens: number,
): Promise<Stream> {
  for (const [i, { ids }] of sequences.entries()) checkSequence(ids, i, description);
  const used = [...new Set(sequences.flatMap(({ ids }) => [...ids]))].sort((a, b) => a - b);
  const rows = toFloat32(await model.readRows(description.embedding.tensor, used)); // (used, hidden)
  const rowOf = new Map(used.map((id, row) => [id, row]));
  const { hidden: width } = description;

  const batches = planBatches(
    sequences.map(({ ids }) => ids.length),
    preferredTokens,
  ).map((batch): StreamBatch => {
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
    return { ...batch, ids, weights, hidden };
  });
  return { batches, tokens: sequences.reduce((sum, { ids }) => sum + ids.length, 0) };
}

function checkSequence(ids: Int32Array, index: number, { vocabulary, positions }: ModelDescription): void {
  const wrong = ids.find((id) => id < 0 || id >= vocabulary);
  if (wrong !== undefined)
    throw new SecateurError("data", `sequence ${index + 1} has token id ${wrong}, the model's vocabulary ends at ${vocabulary - 1}`);
  if (ids.length === 0) throw new SecateurError("data", `sequence ${index + 1} has no tokens`);
  if (ids.length > positions)
    throw new SecateurError("data", `sequence ${index + 1} has ${ids.length} tokens, the model has ${positions} positions`);
}
