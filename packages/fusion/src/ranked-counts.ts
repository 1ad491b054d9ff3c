import { SecateurError, type Selection } from "@secateur/kit";
import { pruneCount } from "./mask.ts";

/** A matrix whose weights compete with those of others. */
export interface RankedMatrix {
  /** How many weights it has. */
  readonly size: number;
  /** The number of its block, for a selection within blocks. */
  readonly block: number;
}

/**
 * How many weights each matrix prunes where all weights of a block or of the model compete: as many as it has among the lowest `pruneCount` of its group, but no
 * fewer and no more than its own ratio within `band` of the asked one allows, and the group's total exact. Equal scores go by the order of the matrices. `scoresOf`
 * gives a matrix's scores, all finite, and is asked twice for each: no more than one matrix's are held. Throws SecateurError `input` for a band outside 0 … 1.
 */
export async function rankedCounts(
  matrices: readonly RankedMatrix[],
  ratio: number,
  { group, band = 1 }: Pick<Selection, "group" | "band">,
  scoresOf: (matrix: number) => Promise<Float32Array>,
): Promise<number[]> {
  if (!(band >= 0 && band <= 1)) throw new SecateurError("input", `the band ${band} was given, wanted a number from 0 to 1`);
  const groups = groupsOf(matrices, group);
  const limits = matrices.map(({ size }) => limitsOf(size, ratio, band));

  // The scores in order as whole numbers of 32 bits: first counted by their upper half, then, where the cut falls, by their lower one.
  const upper = await countAll(matrices, scoresOf, (key) => key >>> 16);
  const counts = new Array<number>(matrices.length).fill(0);
  const cuts = new Map<number, number>(); // matrix → the upper half in which its group is cut
  const totalOf = (own: readonly number[]): number => {
    const size = own.reduce((sum, matrix) => sum + (matrices[matrix] as RankedMatrix).size, 0);
    return pruneCount(size, ratio);
  };
  for (const own of groups) {
    const { bin, below } = cutOf(own, upper, limits, counts, totalOf(own));
    for (const [i, matrix] of own.entries()) {
      cuts.set(matrix, bin);
      counts[matrix] = below[i] as number;
    }
  }
  const lower = await countAll(matrices, scoresOf, (key, matrix) => (key >>> 16 === cuts.get(matrix) ? key & 0xffff : -1));
  for (const own of groups) {
    const total = totalOf(own);
    const { below, upTo } = cutOf(own, lower, limits, counts, total);
    const clamped = own.map((matrix, i) => clamp(below[i] as number, limits[matrix] as Limits));
    let rest = total - clamped.reduce((sum, count) => sum + count, 0);
    for (const [i, matrix] of own.entries()) {
      const equal = Math.min(rest, clamp(upTo[i] as number, limits[matrix] as Limits) - (clamped[i] as number));
      counts[matrix] = (clamped[i] as number) + equal;
      rest -= equal;
    }
    if (rest !== 0) throw new SecateurError("internal", `${rest} weights are left that no matrix can prune`); // the limits hold the total
  }
  return counts;
}

/** The numbers of the matrices that compete, group by group. */
function groupsOf(matrices: readonly RankedMatrix[], group: Selection["group"]): number[][] {
  const groups = new Map<number, number[]>();
  for (const [matrix, { block }] of matrices.entries()) {
    const key = group === "block" ? block : 0;
    groups.set(key, [...(groups.get(key) ?? []), matrix]);
  }
  return [...groups.values()];
}

interface Limits {
  readonly least: number;
  readonly most: number;
}

/** Rounded outwards, so that the limits of some matrices together hold what they are to prune together. */
function limitsOf(size: number, ratio: number, band: number): Limits {
  return { least: Math.max(0, Math.floor(size * (ratio - band))), most: Math.min(size, Math.ceil(size * (ratio + band))) };
}

function clamp(count: number, { least, most }: Limits): number {
  return Math.min(most, Math.max(least, count));
}

const BINS = 1 << 16;

/** For each matrix how many of its scores fall into each bin; those of bin −1 are left out. */
async function countAll(
  matrices: readonly RankedMatrix[],
  scoresOf: (matrix: number) => Promise<Float32Array>,
  binOf: (key: number, matrix: number) => number,
): Promise<Uint32Array[]> {
  const all: Uint32Array[] = [];
  for (const [matrix, { size }] of matrices.entries()) {
    const scores = await scoresOf(matrix);
    if (scores.length !== size) throw new SecateurError("internal", `matrix ${matrix} has ${scores.length} scores, wanted ${size}`);
    const bits = new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
    const bins = new Uint32Array(BINS);
    for (let k = 0; k < bits.length; k++) {
      const bin = binOf(orderedKey(bits[k] as number), matrix);
      if (bin >= 0) bins[bin] = (bins[bin] as number) + 1;
    }
    all.push(bins);
  }
  return all;
}

/** The bits of a single-precision number as a whole number that is in the same order; both zeros are one. */
function orderedKey(bits: number): number {
  if (bits === 0x80000000) return 0x80000000;
  return bits >>> 31 === 1 ? ~bits >>> 0 : (bits | 0x80000000) >>> 0;
}

/** The bin in which the total of a group is reached, with each matrix's count of scores below it, and up to it. */
function cutOf(
  own: readonly number[],
  bins: readonly Uint32Array[],
  limits: readonly Limits[],
  before: readonly number[],
  total: number,
): { bin: number; below: number[]; upTo: number[] } {
  let below = own.map((matrix) => before[matrix] as number);
  for (let bin = 0; ; bin++) {
    const upTo = below.map((count, i) => count + (bins[own[i] as number]?.[bin] as number));
    const reached = upTo.reduce((sum, count, i) => sum + clamp(count, limits[own[i] as number] as Limits), 0);
    if (reached >= total || bin === BINS - 1) return { bin, below, upTo };
    below = upTo;
  }
}
