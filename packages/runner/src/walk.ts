import { throwIfCancelled } from "@secateur/kit";
import { cachedOf, forwardAfter } from "./continue.ts";
import type { Engine } from "./engine.ts";
import type { HeldWeights } from "./held-weights.ts";
import { appendKeyValues, emptyKeyValues, gatherKeyValues, type Member } from "./key-values.ts";
import { commonLength, type PrefixPlan, planPrefixes, type Segment, segmentsOf } from "./prefixes.ts";
import { embed, hiddenOf, type Stream } from "./stream.ts";
import { withWeights } from "./weights.ts";

/** Sequences that have passed all blocks of a model. What several begin with is there once. */
export interface Walked {
  readonly plan: PrefixPlan;
  /** A stream a level of the plan, of its segments in order. */
  readonly streams: readonly Stream[];
  readonly sequences: readonly Int32Array[];
}

// So many tokens go through the blocks together: their hidden states are held, and the weights are read once for all of them.
const CHUNK_TOKENS = 32_768;

/** The numbers of sequences that go through the blocks together. */
export function chunks(sequences: readonly Int32Array[]): number[][] {
  const result: number[][] = [];
  let tokens = CHUNK_TOKENS;
  for (const [i, ids] of sequences.entries()) {
    const before = sequences[i - 1];
    // What it begins with like the one before is mostly computed once.
    const own = before && tokens < CHUNK_TOKENS ? ids.length - commonLength(before, ids) : ids.length;
    if (tokens + own > CHUNK_TOKENS) {
      result.push([]);
      tokens = ids.length;
    } else tokens += own;
    result.at(-1)?.push(i);
  }
  return result;
}

/** How sequences pass the blocks. */
export interface WalkOptions {
  /** Hears the share of the work, in which the head counts as a block. */
  readonly report?: ((share: number) => void) | undefined;
  /** Weights that may be on the backend already; left out, those of each block are read and released. */
  readonly weights?: HeldWeights | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Hidden states after the last block. */
export async function walkBlocks(
  engine: Engine,
  sequences: readonly Int32Array[],
  { report, weights: held, signal }: WalkOptions = {},
): Promise<Walked> {
  const { description, model, backend } = engine;
  const plan = planPrefixes(sequences);
  const continued = new Set(plan.levels.flatMap((level) => level.map(({ before }) => before)));
  const streams: Stream[] = [];
  for (const level of plan.levels) {
    const parts = level.map(({ sequence, start, end }) => {
      const ids = (sequences[sequence] as Int32Array).subarray(start, end);
      return { ids, weights: new Float32Array(ids.length).fill(1), past: start };
    });
    streams.push(await embed(model, description, parts, backend.preferredTokens));
  }
  for (const [i, block] of description.blocks.entries()) {
    throwIfCancelled(signal);
    const sizes = cachedOf(block);
    const caches = new Map<Segment | undefined, Member>(); // of the segments that others continue, from the sequence's beginning on
    const gather = (segments: readonly Segment[], of: (segment: Segment) => Segment | undefined, slots: number) =>
      gatherKeyValues(
        sizes,
        segments.map((segment) => caches.get(of(segment)) ?? { cache: emptyKeyValues(sizes, 1, 1), index: 0 }),
        slots,
      );
    await weightsOf(engine, held)(block.program, block.prefix, async (weights) => {
      for (const [l, stream] of streams.entries()) {
        const level = plan.levels[l] as readonly Segment[]; // a stream a level
        const segmentsIn = (members: readonly number[]): Segment[] => members.map((member) => level[member] as Segment);
        await forwardAfter(engine, block, weights, stream, {
          ...(l > 0 && {
            past: ({ members }) => {
              const segments = segmentsIn(members);
              return gather(segments, ({ before }) => before, Math.max(...segments.map(({ start }) => start)));
            },
          }),
          ...(level.some((segment) => continued.has(segment)) && {
            take: (given, { members, lengths }) => {
              const segments = segmentsIn(members);
              const cache = gather(segments, ({ before }) => before, Math.max(...segments.map(({ end }) => end)));
              appendKeyValues(sizes, cache, [...segments.keys()], given, lengths);
              for (const [index, segment] of segments.entries()) if (continued.has(segment)) caches.set(segment, { cache, index });
            },
          }),
          signal,
        });
      }
    });
    report?.((i + 1) / (description.blocks.length + 1));
  }
  return { plan, streams, sequences };
}

/** How a piece of work gets the weights of a program: held ones, or such as are read for it. */
export function weightsOf(engine: Engine, held: HeldWeights | undefined): HeldWeights["with"] {
  return held ? held.with : (program, prefix, work) => withWeights(engine, program, prefix, work);
}

/** What a head reads of one batch. */
export interface HeadBatch {
  /** Hidden states (rows, hidden), padding among them. */
  readonly states: Float32Array;
  /** The token that follows each (rows); any where none does. */
  readonly targets: Int32Array;
  /** Where the tokens of each segment stand among the rows. */
  readonly places: readonly { readonly segment: Segment; readonly row: number }[];
}

/** The batches of sequences that have passed all blocks, one after another: the same ones in every model of equal tokens on equal backends. */
export async function* headBatches({ plan, streams, sequences }: Walked): AsyncGenerator<HeadBatch, void, undefined> {
  for (const [l, stream] of streams.entries()) {
    for (const batch of stream.batches) {
      const targets = new Int32Array(batch.ids.length);
      const places = batch.members.map((member, b) => {
        const segment = (plan.levels[l] as readonly Segment[])[member] as Segment; // the stream's members are the level's segments
        const row = b * batch.tokens;
        const { sequence, start, end } = segment;
        targets.set((sequences[sequence] as Int32Array).subarray(start + 1, end + 1), row);
        return { segment, row };
      });
      yield { states: await hiddenOf(stream, batch), targets, places };
    }
  }
}

/** Arrays by name with as many numbers for each row of a batch, or each token of a sequence. */
type Rows = Readonly<Record<string, Float32Array | Int32Array>>;

/** What `visit` gives of the rows of each batch, put together for the tokens of each sequence. */
export async function perToken<T extends Rows>(walked: Walked, visit: (batch: HeadBatch) => Promise<T>): Promise<T[]> {
  const parts = new Map<Segment, T>();
  for await (const batch of headBatches(walked)) {
    const found = await visit(batch);
    for (const { segment, row } of batch.places) {
      const part = (values: T[string]): T[string] => {
        const numbers = values.length / batch.targets.length; // a row
        return values.slice(row * numbers, (row + segment.end - segment.start) * numbers) as T[string]; // of the same kind
      };
      parts.set(segment, mapped(found, part));
    }
  }
  return walked.sequences.map((ids, i) => {
    const segments = segmentsOf(walked.plan, i);
    const [first] = segments;
    const own = (segment: Segment | undefined): T => parts.get(segment as Segment) as T; // each has a part
    return mapped(own(first), (values, name) => {
      const numbers = values.length / ((first as Segment).end - (first as Segment).start); // a token
      const whole = (
        values instanceof Float32Array ? new Float32Array(ids.length * numbers) : new Int32Array(ids.length * numbers)
      ) as T[string];
      for (const segment of segments) whole.set(own(segment)[name] as T[string], segment.start * numbers);
      return whole;
    });
  });
}

function mapped<T extends Rows>(values: T, change: (values: T[string], name: string) => T[string]): T {
  return Object.fromEntries(Object.entries(values).map(([name, one]) => [name, change(one as T[string], name)])) as unknown as T; // the same names
}
