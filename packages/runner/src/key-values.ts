import { KEYS, PAST_KEYS, PAST_VALUES, SEEN, VALUES } from "@secateur/graph";
import { f32, type Tensor, tensor } from "@secateur/tensor";

/** The sizes of the keys and values of one token in one block. */
export interface KeyValueSizes {
  readonly kvHeads: number;
  readonly headDim: number;
}

/** What the attention of one block has read of some sequences' tokens: of sequence i those in the first `lengths[i]` slots. */
export interface KeyValues {
  readonly lengths: number[];
  readonly slots: number;
  readonly keys: Float32Array; // (lengths, kvHeads, slots, headDim)
  readonly values: Float32Array; // the same
}

/** One sequence of those in a cache. */
export interface Member {
  readonly cache: KeyValues;
  readonly index: number;
}

/** No tokens of so many sequences, with room for `slots` tokens of each. */
export function emptyKeyValues({ kvHeads, headDim }: KeyValueSizes, sequences: number, slots: number): KeyValues {
  const size = sequences * kvHeads * slots * headDim;
  return { lengths: new Array<number>(sequences).fill(0), slots, keys: new Float32Array(size), values: new Float32Array(size) };
}

/** Copies of sequences, each from where it is and as often as it is named, with room for `slots` tokens of each. */
export function gatherKeyValues(sizes: KeyValueSizes, members: readonly Member[], slots: number): KeyValues {
  const { kvHeads, headDim } = sizes;
  const all = emptyKeyValues(sizes, members.length, slots);
  for (const [i, { cache, index }] of members.entries()) {
    const length = cache.lengths[index] as number;
    all.lengths[i] = length;
    for (let head = 0; head < kvHeads; head++) {
      const [from, to] = [(index * kvHeads + head) * cache.slots * headDim, (i * kvHeads + head) * slots * headDim];
      all.keys.set(cache.keys.subarray(from, from + length * headDim), to);
      all.values.set(cache.values.subarray(from, from + length * headDim), to);
    }
  }
  return all;
}

/** Adds to the sequences `indices` the first `counts[i]` of the tokens whose keys and values a program has given, each (indices, tokens, kvHeads·headDim). There must be room for them. */
export function appendKeyValues(
  { kvHeads, headDim }: KeyValueSizes,
  cache: KeyValues,
  indices: readonly number[],
  given: { readonly [KEYS]: Float32Array; readonly [VALUES]: Float32Array },
  counts: readonly number[],
): void {
  const width = kvHeads * headDim;
  const tokens = given.keys.length / indices.length / width;
  for (const [i, index] of indices.entries()) {
    const [start, count] = [cache.lengths[index] as number, counts[i] as number];
    for (let token = 0; token < count; token++) {
      for (let head = 0; head < kvHeads; head++) {
        const from = (i * tokens + token) * width + head * headDim;
        const to = ((index * kvHeads + head) * cache.slots + start + token) * headDim;
        for (let d = 0; d < headDim; d++) {
          cache.keys[to + d] = given.keys[from + d] as number;
          cache.values[to + d] = given.values[from + d] as number;
        }
      }
    }
    cache.lengths[index] = start + count;
  }
}

/** The inputs of a program that continues the sequences of a cache by so many tokens each, of which each sees the last `window` before it, all where it is 0. */
export function pastInputs(
  { kvHeads, headDim }: KeyValueSizes,
  { lengths, slots, keys, values }: KeyValues,
  tokens: number,
  window: number,
): Record<string, Tensor<"F32" | "BOOL">> {
  const seen = new Uint8Array(lengths.length * tokens * slots); // (sequences, tokens, slots)
  for (const [i, length] of lengths.entries()) {
    for (let token = 0; token < tokens; token++) {
      const oldest = window > 0 ? Math.max(0, length + token - window + 1) : 0;
      const row = (i * tokens + token) * slots;
      if (oldest < length) seen.fill(1, row + oldest, row + length);
    }
  }
  const shape = [lengths.length, kvHeads, slots, headDim];
  return {
    [PAST_KEYS]: f32(shape, keys),
    [PAST_VALUES]: f32(shape, values),
    [SEEN]: tensor("BOOL", [lengths.length, tokens, slots], seen),
  };
}
