/** The known name that is nearest to a misspelt one, or undefined when none is near: one edit in three letters, and at least one. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  let nearest: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least && distance <= Math.max(1, Math.floor(candidate.length / 3))) [nearest, least] = [candidate, distance];
  }
  return nearest;
}

/**
 * The number of letters to insert, delete, replace or swap with their neighbour to make `a` into `b`, where no letter is edited twice (Damerau–Levenshtein
 * distance in its restricted form, also called optimal string alignment).
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j); // last[j]: distance of the letters of a so far from the first j of b
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swaps = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(replaced, at(last, j) + 1, at(row, j - 1) + 1, swaps ? at(beforeLast, j - 2) + 1 : Number.POSITIVE_INFINITY);
    }
    [beforeLast, last] = [last, row];
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] as number; // within the row by the loops' bounds
}
