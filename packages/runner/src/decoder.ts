import { SecateurError, throwIfCancelled } from "@secateur/kit";
import { firstNotFinite } from "@secateur/tensor";
import { cachedOf, forwardAfter } from "./continue.ts";
import type { Engine } from "./engine.ts";
import { runHead, runLogits } from "./head.ts";
import type { HeldWeights } from "./held-weights.ts";
import { appendKeyValues, emptyKeyValues, gatherKeyValues, type KeyValues, type Member } from "./key-values.ts";
import { createStateStore } from "./states.ts";
import { embed, hiddenOf, type Stream } from "./stream.ts";
import type { DeviceWeights } from "./weights.ts";

/** Sequences that are being decoded: in each block, what attention has read of their tokens. */
export interface Decoding {
  /** Reads the next tokens of some of the sequences, one at least of each, and gives the one to follow the last of each: the likeliest, or the one that is chosen. */
  read(indices: readonly number[], tokens: readonly Int32Array[], options?: ReadOptions): Promise<Int32Array>;
  /** Keeps these sequences, in this order, and forgets the others; as many may be `added` that begin with the tokens of a `beginning`, or without tokens. */
  keep(indices: readonly number[], added?: number, beginning?: Beginning): void;
  /** The tokens that the first sequence has. */
  beginning(): Beginning;
}

/** How tokens are read. */
export interface ReadOptions {
  /** Chooses the token after the i-th of the sequences that are read, from its logits (vocabulary). Their memory is used again. */
  readonly choose?: ((logits: Float32Array, i: number) => number) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What each block has of the tokens that other sequences can begin with. */
export type Beginning = readonly Member[];

// Slots are added so many at a time: each time all that is cached moves.
const SLOTS = 64;

/** Sequences without tokens yet. */
export function startDecoding(engine: Engine, weights: HeldWeights, sequences: number): Decoding {
  const { description, model, backend } = engine;
  const { blocks, head } = description;
  const store = createStateStore();
  const memory = new Map<string, Float32Array>();
  let caches = blocks.map((block) => emptyKeyValues(cachedOf(block), sequences, SLOTS));
  const lengths = (): readonly number[] => (caches[0] as KeyValues).lengths; // a model has a block

  /** Moves these sequences, and some that are added, to caches with room for so many tokens of each. */
  function move(indices: readonly number[], tokens: number, added = 0, beginning?: Beginning): void {
    const slots = SLOTS * Math.max(1, Math.ceil(tokens / SLOTS));
    caches = caches.map((cache, i) => {
      const sizes = cachedOf(blocks[i] as (typeof blocks)[number]); // one a block
      const start = beginning?.[i] ?? { cache: emptyKeyValues(sizes, 1, 1), index: 0 };
      return gatherKeyValues(sizes, [...members(cache, indices), ...new Array<Member>(added).fill(start)], slots);
    });
  }

  async function passBlocks(indices: readonly number[], stream: Stream, signal: AbortSignal | undefined): Promise<void> {
    const before = indices.map((index) => lengths()[index] as number);
    const all = indices.length === lengths().length && indices.every((index, i) => index === i);
    for (const [i, block] of blocks.entries()) {
      throwIfCancelled(signal);
      const [sizes, cache] = [cachedOf(block), caches[i] as KeyValues]; // one a block
      // The lengths of the cache grow batch by batch; every batch reads its own members only.
      const past = (batch: readonly number[]): KeyValues => {
        const own = batch.map((member) => indices[member] as number);
        const whole = all && own.length === indices.length && own.every((index, at) => index === at);
        return whole ? cache : gatherKeyValues(sizes, members(cache, own), cache.slots);
      };
      await weights.with(block.program, block.prefix, (loaded) =>
        forwardAfter(engine, block, loaded, stream, {
          ...(before.some((length) => length > 0) && { past: ({ members: batch }) => past(batch) }),
          take: (given, batch) => {
            const own = batch.members.map((member) => indices[member] as number);
            appendKeyValues(sizes, cache, own, given, batch.lengths);
          },
          memory,
          signal,
        }),
      );
    }
  }

  /** What follows the last token of each of the sequences that were read, from their hidden states (sequences, hidden). */
  async function next(
    loaded: DeviceWeights,
    states: Float32Array,
    { tokens, choose }: Pick<ReadOptions, "choose"> & { readonly tokens: readonly Int32Array[] },
  ): Promise<Int32Array> {
    const check = (value: number, i: number, what: string): void => {
      if (Number.isFinite(value)) return;
      throw new SecateurError("numeric", `${what} is ${value}: what the model says after ${tokens[i]?.length} tokens is not finite`);
    };
    if (choose) {
      const { vocabulary } = description;
      const chosen = new Int32Array(tokens.length);
      await runLogits(engine, loaded, states, (some, row) => {
        for (let i = 0; i * vocabulary < some.length; i++) {
          const logits = some.subarray(i * vocabulary, (i + 1) * vocabulary);
          const bad = firstNotFinite(logits);
          if (bad >= 0) check(logits[bad] as number, row + i, "a logit");
          chosen[row + i] = choose(logits, row + i);
        }
      });
      return chosen;
    }
    const targets = new Int32Array(tokens.length); // any: the loss only says whether what the model says is finite
    const { loss, best } = await runHead(engine, loaded, states, targets);
    for (const [i, value] of loss.entries()) check(value, i, "−log p");
    return best;
  }

  return {
    async read(indices, tokens, { choose, signal } = {}) {
      const most = Math.max(...indices.map((index, i) => (lengths()[index] as number) + (tokens[i] as Int32Array).length));
      if (most > (caches[0] as KeyValues).slots) move([...lengths().keys()], most);
      const sequences = tokens.map((ids) => ({ ids, weights: new Float32Array(ids.length).fill(1) }));
      const stream = await embed(model, description, sequences, backend.preferredTokens, store);
      await passBlocks(indices, stream, signal);
      const width = description.hidden;
      const last = new Float32Array(indices.length * width); // hidden states of each sequence's last token
      for (const batch of stream.batches) {
        const states = await hiddenOf(stream, batch);
        for (const [b, member] of batch.members.entries()) {
          const start = (b * batch.tokens + (batch.lengths[b] as number) - 1) * width;
          last.set(states.subarray(start, start + width), member * width);
        }
        for (const state of batch.states.values()) store.free(state);
      }
      return weights.with(head.loss, "", (loaded) => next(loaded, last, { tokens, choose }));
    },
    keep(indices, added = 0, beginning) {
      const begun = beginning?.[0] ? (beginning[0].cache.lengths[beginning[0].index] as number) : 0;
      move(indices, Math.max(begun, ...indices.map((index) => lengths()[index] as number)), added, beginning);
    },
    beginning: () => caches.map((cache) => ({ cache, index: 0 })),
  };
}

function members(cache: KeyValues, indices: readonly number[]): Member[] {
  return indices.map((index) => ({ cache, index }));
}
