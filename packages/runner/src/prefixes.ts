/** Tokens [start, end) of a sequence by its number. Where several sequences begin alike up to its end, it stands for all of them. */
export interface Segment {
  readonly sequence: number;
  readonly start: number;
  readonly end: number;
  /** The segment that ends where this one begins. */
  readonly before: Segment | undefined;
  /** How many segments stand before it. */
  readonly level: number;
}

/** Sequences in parts, of which those that several begin with are there once. */
export interface PrefixPlan {
  /** Segments by level. */
  readonly levels: readonly (readonly Segment[])[];
  /** The last segment of each sequence. */
  readonly last: readonly Segment[];
}

// A shared beginning of fewer tokens, or one that saves less than this share of what its sequences have, costs more than it saves.
const LEAST_TOKENS = 16;
const LEAST_SHARE = 1 / 4;

/**
 * Parts sequences where computing their common beginnings once pays. A shared segment ends one token before the sequences differ: what follows each of its tokens is the
 * same in all of them.
 */
export function planPrefixes(sequences: readonly Int32Array[]): PrefixPlan {
  const at = (i: number): Int32Array => sequences[i] as Int32Array; // only numbers of sequences occur
  const order = [...sequences.keys()].sort((a, b) => compare(at(a), at(b)) || a - b);
  const common = order.map((i, place) => (place === 0 ? 0 : commonLength(at(order[place - 1] as number), at(i)))); // with the one before in order
  const levels: Segment[][] = [];
  const last = new Array<Segment>(sequences.length);
  const add = (sequence: number, end: number, before: Segment | undefined): Segment => {
    const segment = { sequence, start: before?.end ?? 0, end, before, level: before ? before.level + 1 : 0 };
    const known = levels[segment.level];
    if (known) known.push(segment);
    else levels[segment.level] = [segment];
    return segment;
  };

  // Runs [from, to) in order that begin with the segment `before`.
  const runs: { readonly from: number; readonly to: number; readonly before: Segment | undefined }[] = [];
  if (order.length > 0) runs.push({ from: 0, to: order.length, before: undefined });
  for (let run = runs.pop(); run; run = runs.pop()) {
    const { from, to, before } = run;
    const first = order[from] as number;
    if (to - from === 1) {
      last[first] = add(first, at(first).length, before);
      continue;
    }
    const alike = Math.min(...common.slice(from + 1, to));
    const start = before?.end ?? 0;
    const tokens = order.slice(from, to).reduce((sum, i) => sum + at(i).length - start, 0);
    const saves = (to - from - 1) * (alike - 1 - start);
    const shared = alike - 1 - start >= LEAST_TOKENS && saves >= LEAST_SHARE * tokens ? add(first, alike - 1, before) : before;
    let begin = from;
    for (let place = from + 1; place <= to; place++) {
      if (place < to && (common[place] as number) > alike) continue;
      runs.push({ from: begin, to: place, before: shared });
      begin = place;
    }
  }
  return { levels: levels.map((level) => level.sort((a, b) => a.sequence - b.sequence || a.start - b.start)), last };
}

/** The segments of a sequence from its beginning on. */
export function segmentsOf({ last }: PrefixPlan, sequence: number): Segment[] {
  const segments: Segment[] = [];
  for (let segment = last[sequence]; segment; segment = segment.before) segments.unshift(segment);
  return segments;
}

/** How many tokens two sequences have alike from their beginning on. */
export function commonLength(a: Int32Array, b: Int32Array): number {
  const most = Math.min(a.length, b.length);
  let i = 0;
  while (i < most && a[i] === b[i]) i++;
  return i;
}

function compare(a: Int32Array, b: Int32Array): number {
  const i = commonLength(a, b);
  return (a[i] ?? -1) - (b[i] ?? -1);
}
