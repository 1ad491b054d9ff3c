import { SecateurError } from "@secateur/kit";
import { pruneCount } from "./mask.ts";

/**
 * Shifts layers' ratios by one common number, held within a band, so that Σ size·ratio is the asked ratio of Σ size, exact to rounding: filling basins
 * with water until it is used up. Throws SecateurError `usage` when the asked ratio is outside of the band, `internal` for arrays that do not fit.
 */
export function meetBudget(
  ratios: readonly number[],
  sizes: readonly number[],
  ratio: number,
  band: readonly [low: number, high: number],
): number[] {
  checkSizes(ratios, sizes);
  const [low, high] = band;
  if (!(ratio >= low && ratio <= high)) {
    throw new SecateurError("usage", `ratios between ${low} and ${high} cannot prune ${ratio} of all weights`);
  }
  const shifted = (shift: number): number[] => ratios.map((r) => Math.min(high, Math.max(low, r + shift)));
  const prunedBy = (shift: number): number => weighted(shifted(shift), sizes);
  const budget = ratio * sum(sizes);
  // What a shift prunes grows with it, in straight lines between the shifts at which a layer comes to an end of the band.
  const bends = ratios.flatMap((r) => [low - r, high - r]).sort((a, b) => a - b);
  let [left, right] = [0, bends.length - 1];
  while (right - left > 1) {
    const middle = (left + right) >>> 1;
    if (prunedBy(bends[middle] as number) <= budget) left = middle;
    else right = middle;
  }
  const [from, to] = [bends[left] ?? 0, bends[right] ?? 0];
  const [least, most] = [prunedBy(from), prunedBy(to)];
  const part = most > least ? Math.min(1, Math.max(0, (budget - least) / (most - least))) : 0;
  return shifted(from + part * (to - from));
}

/**
 * How many weights each layer prunes, from 0 to its size, so that together they are exactly `pruneCount` of all weights: each layer's whole part of
 * ratio·size, and one more where the remainder is largest, earlier layers first. Throws SecateurError `internal` when the layers' ratios miss the
 * asked one by more than half a weight a layer, and for arrays that do not fit.
 */
export function apportion(ratios: readonly number[], sizes: readonly number[], ratio: number): number[] {
  checkSizes(ratios, sizes);
  const total = pruneCount(sum(sizes), ratio);
  const quotas = ratios.map((r, i) => r * (sizes[i] as number));
  const found = sum(quotas);
  if (!(Math.abs(found - ratio * sum(sizes)) <= ratios.length / 2)) {
    throw new SecateurError(
      "internal",
      `the layers' ratios prune ${found} of ${sum(sizes)} weights, but the ratio ${ratio} wants ${ratio * sum(sizes)}`,
    );
  }
  // A product that should be whole may come out just below.
  const counts = quotas.map((quota, i) => Math.min(sizes[i] as number, Math.max(0, Math.floor(quota * (1 + 2 ** -50)))));
  const order = quotas.map((quota, i) => ({ i, rest: quota - (counts[i] as number) })).sort((a, b) => b.rest - a.rest || a.i - b.i);
  let missing = total - sum(counts);
  const step = Math.sign(missing);
  if (step < 0) order.reverse();
  while (missing !== 0) {
    const before = missing;
    for (const { i } of order) {
      const count = (counts[i] as number) + step;
      if (missing === 0 || count < 0 || count > (sizes[i] as number)) continue;
      counts[i] = count;
      missing -= step;
    }
    if (missing === before) throw new SecateurError("internal", `${missing} weights are left that no layer can prune`); // pruneCount is 0 to Σ sizes
  }
  return counts;
}

function checkSizes(ratios: readonly number[], sizes: readonly number[]): void {
  if (ratios.length !== sizes.length) {
    throw new SecateurError("internal", `${ratios.length} ratios were given for layers of ${sizes.length} sizes`);
  }
  const bad = ratios.findIndex((ratio) => !Number.isFinite(ratio));
  if (bad >= 0) throw new SecateurError("internal", `the ratio of layer ${bad} is ${ratios[bad]}, wanted a finite number`);
}

function weighted(ratios: readonly number[], sizes: readonly number[]): number {
  return ratios.reduce((total, ratio, i) => total + ratio * (sizes[i] as number), 0);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
