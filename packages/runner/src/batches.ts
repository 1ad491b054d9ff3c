/** Sequences that run together: their numbers, and the length in tokens that all are padded to. */
export interface Batch {
  readonly members: readonly number[];
  readonly tokens: number;
}

// What stands before the tokens of a batch is held beside them: at most so many tokens of it, padding among them.
const PAST_TOKENS = 32_768;

/**
 * Groups sequences of these lengths into batches of at most `preferredTokens` padded tokens (a longer sequence is a batch of its own).
 * Sequences of like length go together, so that little is padded; the grouping depends on the lengths alone, and on how many tokens stand before each, where some do.
 */
export function planBatches(lengths: readonly number[], preferredTokens: number, pasts: readonly number[] = []): Batch[] {
  const pastOf = (i: number): number => pasts[i] ?? 0;
  const order = lengths.map((_, i) => i).sort((a, b) => (lengths[b] as number) - (lengths[a] as number) || pastOf(b) - pastOf(a) || a - b);
  const batches: { members: number[]; tokens: number; past: number }[] = [];
  for (const i of order) {
    const last = batches.at(-1);
    const count = (last?.members.length ?? 0) + 1;
    const past = Math.max(last?.past ?? 0, pastOf(i));
    if (last && count * last.tokens <= preferredTokens && count * past <= PAST_TOKENS) {
      last.members.push(i);
      last.past = past;
    } else batches.push({ members: [i], tokens: lengths[i] as number, past: pastOf(i) });
  }
  return batches.map(({ members, tokens }) => ({ members, tokens }));
}
