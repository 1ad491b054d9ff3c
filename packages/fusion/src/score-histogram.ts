/** How many scores lie in bins of half an octave, which are the same for all scores: bin k holds those from 2^(k/2) up to 2^((k+1)/2). */
export interface ScoreHistogram {
  /** The bin of the first count. */
  readonly first: number;
  /** Bin by bin from the first that holds a score to the last that does; none where no score is above 0. */
  readonly counts: readonly number[];
  /** Scores in no bin: those of 0 or less, and those below 2⁻¹²⁶, which single precision does not hold in full. */
  readonly rest: number;
}

const LOWEST = -252; // the bin of 2⁻¹²⁶
const BINS = 512;
const SQUARE_ROOT_OF_2 = 0x3504f4; // the fraction of the least single-precision number that is not below it

/** The histogram of scores that are divided by `unit` first. Exact: bins are read off the bits, so that every machine counts the same. */
export function scoreHistogram(scores: Float32Array, unit = 1): ScoreHistogram {
  const bins = new Uint32Array(BINS);
  const number = new Float32Array(1);
  const bits = new Uint32Array(number.buffer);
  let rest = 0;
  for (let k = 0; k < scores.length; k++) {
    number[0] = (scores[k] as number) / unit;
    const exponent = (bits[0] as number) >>> 23; // with the sign above it
    if (exponent === 0 || exponent > 255) rest++;
    else {
      const bin = 2 * (exponent - 127) + +(((bits[0] as number) & 0x7fffff) >= SQUARE_ROOT_OF_2) - LOWEST;
      bins[bin] = (bins[bin] as number) + 1;
    }
  }
  return trimmed(Array.from(bins), LOWEST, rest);
}

/** The histogram of the scores of several. */
export function addHistograms(histograms: readonly ScoreHistogram[]): ScoreHistogram {
  const filled = histograms.filter(({ counts }) => counts.length > 0);
  const first = Math.min(...filled.map((one) => one.first));
  const end = Math.max(...filled.map((one) => one.first + one.counts.length));
  const counts = new Array<number>(filled.length === 0 ? 0 : end - first).fill(0);
  for (const one of filled)
    for (const [i, count] of one.counts.entries()) counts[one.first - first + i] = (counts[one.first - first + i] as number) + count;
  return trimmed(
    counts,
    first,
    histograms.reduce((sum, { rest }) => sum + rest, 0),
  );
}

function trimmed(counts: readonly number[], first: number, rest: number): ScoreHistogram {
  const start = counts.findIndex((count) => count > 0);
  if (start < 0) return { first: 0, counts: [], rest };
  return { first: first + start, counts: counts.slice(start, counts.findLastIndex((count) => count > 0) + 1), rest };
}
