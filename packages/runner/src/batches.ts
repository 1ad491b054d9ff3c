/** Sequences that run together: their numbers, and the length in tokens that all are padded to. */
export interface Batch {
  readonly members: readonly number[];
  readonly tokens: number;
}

/**
 * Groups sequences of these lengths into batches of at most `preferredTokens` padded tokens (a longer sequence is a batch of its own).
 * Sequences of like length go together, so that little is padded; the grouping depends on the lengths alone.
 */
export function planBatches(lengths: readonly number[], preferredTokens: number): Batch[] {
  const order = lengths.map((_, i) => i).sort((a, b) => (lengths[b] as number) - (lengths[a] as number) || a - b);
  const batches: { members: number[]; tokens: number }[] = [];
  for (const i of order) {
    const last = batches.at(-1);
    if (last && (last.members.length + 1) * last.tokens <= preferredTokens) last.members.push(i);
    else batches.push({ members: [i], tokens: lengths[i] as number });
  }
  return batches;
}
