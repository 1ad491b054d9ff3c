import {
  type Amount,
  addHistograms,
  jaccard,
  levels,
  maskPattern,
  maskUnstructured,
  type Overlap,
  overlapOf,
  type Pattern,
  type ScoreHistogram,
  scoreHistogram,
} from "@secateur/fusion";
import { degreeOf, inputNorm, type Mask, type Role, type Scorer, type Selection } from "@secateur/kit";
import { readsGradients } from "./dense-pass.ts";
import type { Sides } from "./fuse-scores.ts";
import type { Plan } from "./plan.ts";

/** How the roles' own scores of a layer, before they are fused, lie beside each other: seen on a sample of the layer's rows. */
export interface RoleScores {
  /** How many rows were looked at, evenly spaced. */
  readonly rows: number;
  /** Of every two roles, how far their scores alone would keep the same weights of these rows, chosen as the run chooses. */
  readonly overlap: readonly RoleOverlap[];
  /** Each role's scores, divided by its level. */
  readonly histograms: Readonly<Record<Role, ScoreHistogram>>;
}

/** How far the scores of two roles would keep the same weights, each alone. */
export interface RoleOverlap extends Overlap {
  readonly roles: readonly [Role, Role];
  /** Of the two sets of kept weights, the index of Jaccard. */
  readonly jaccard: number;
}

/** The most rows of a layer that are looked at. A prime number: with a power of two the sample would fall on the same few places of every attention head. */
export const SAMPLED_ROWS = 61;

/** Why a run tells nothing of its roles' own scores; nothing where it does. */
export function whyNoRoleScores({ weights, method, recipe }: Pick<Plan, "weights" | "method" | "recipe">): string | undefined {
  const { scorer, fuser } = method;
  if (weights.size < 2) return weights.size === 0 ? "no data was read" : "the data of one role alone were read";
  if ("pool" in fuser && ("solve" in scorer || !(readsGradients(scorer.needs) || readsNorms(scorer))))
    return `the fusion ${recipe.fusion} pools the roles' statistics before anything is scored, so that no role has scores of its own`;
  if ("score" in scorer && degreeOf(scorer) === 0)
    return `the scores of ${recipe.scorer} are of the weights alone, the same for every role`;
  return undefined;
}

/** Whether a scorer reads the norms that roles on different scales are compared by. */
export function readsNorms({ needs }: Pick<Scorer, "needs">): boolean {
  return needs.some(({ id }) => id === inputNorm.id);
}

/** What the scores of each role are divided by where they are counted: its level in the model where there is one, else in the layer. */
export function roleLevels({ norms, levels: ofModel }: Sides, degree: number): ReadonlyMap<Role, number> {
  return ofModel ?? new Map([...levels(norms)].map(([role, level]) => [role, level ** degree]));
}

/** Looks at the roles' own scores of one layer, part after part of its columns. */
export interface RoleObserver {
  /** The roles' scores (rows, cols) of the next columns, and how much of them is pruned. */
  add(scores: ReadonlyMap<Role, Float32Array>, cols: number, amount: Amount): void;
  /** What has been seen; nothing where no scores of two roles came. */
  seen(): RoleScores | undefined;
}

/** An observer of a layer of so many rows, for weights that are chosen by a pattern or by a selection. */
export function observeRoles(
  rows: number,
  pattern: Pattern | undefined,
  selection: Selection,
  levelOf: ReadonlyMap<Role, number>,
): RoleObserver {
  const sample = sampledRows(rows);
  const histograms = new Map<Role, ScoreHistogram>();
  const overlaps = new Map<string, Pick<RoleOverlap, "roles" | "both" | "either">>();

  function maskOf(scores: Float32Array, cols: number, amount: Amount): Mask {
    if (pattern) return maskPattern(scores, sample.length, cols, pattern).mask;
    return maskUnstructured(scores, sample.length, cols, amountOfSample(amount, sample, rows), selection).mask;
  }

  return {
    add(scores, cols, amount) {
      const masks: (readonly [Role, Mask])[] = [];
      for (const [role, all] of scores) {
        const own = takeRows(all, cols, sample);
        const before = histograms.get(role);
        const here = scoreHistogram(own, levelOf.get(role));
        histograms.set(role, before ? addHistograms([before, here]) : here);
        masks.push([role, maskOf(own, cols, amount)]);
      }
      for (const [i, [one, mask]] of masks.entries()) {
        for (const [other, otherMask] of masks.slice(i + 1)) {
          const key = JSON.stringify([one, other]);
          const { both, either } = overlapOf(mask, otherMask);
          const before = overlaps.get(key) ?? { both: 0, either: 0 };
          overlaps.set(key, { roles: [one, other], both: before.both + both, either: before.either + either });
        }
      }
    },
    seen() {
      if (overlaps.size === 0) return undefined;
      const overlap = [...overlaps.values()].map((one) => ({ ...one, jaccard: jaccard(one) }));
      return { rows: sample.length, overlap, histograms: Object.fromEntries(histograms) };
    },
  };
}

/** The rows that are looked at: the middles of as many equal parts. */
function sampledRows(rows: number): readonly number[] {
  const count = Math.min(rows, SAMPLED_ROWS);
  return Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * rows) / count));
}

function takeRows(scores: Float32Array, cols: number, sample: readonly number[]): Float32Array {
  const taken = new Float32Array(sample.length * cols);
  for (const [i, row] of sample.entries()) taken.set(scores.subarray(row * cols, (row + 1) * cols), i * cols);
  return taken;
}

/** What an amount comes to for some of a matrix's rows. */
function amountOfSample(amount: Amount, sample: readonly number[], rows: number): Amount {
  if (typeof amount === "number") return amount;
  if ("rows" in amount) return { rows: sample.map((row) => amount.rows[row] as number) };
  return { count: Math.round((amount.count * sample.length) / rows) };
}
