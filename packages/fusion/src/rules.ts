import { type FuseInput, type Partition, type Role, SecateurError } from "@secateur/kit";
import { allOwners } from "./partition.ts";
import { ranksOf } from "./ranks.ts";

/** What the scores of each role are multiplied by, one factor a channel (cols). */
export type Factors = ReadonlyMap<Role, Float64Array>;

/** Σ_r a_r[j]·S_r[i,j]: the scores (rows, cols) of all roles in `factors`, added. */
export function weightedSum(input: FuseInput, factors: Factors): Float32Array {
  const [rows, cols] = input.shape;
  const terms = [...factors].map(([role, factor]) => ({ factor, scores: input.scores.get(role) as Float32Array }));
  const fused = new Float32Array(rows * cols);
  const [first, second, ...others] = terms;
  if (first && second && others.length === 0) {
    addTwo(fused, cols, first, second);
    return fused;
  }
  const row = new Float64Array(cols);
  for (let start = 0; start < fused.length; start += cols) {
    row.fill(0);
    for (const { factor, scores } of terms) {
      for (let j = 0; j < cols; j++) row[j] = (row[j] as number) + (factor[j] as number) * (scores[start + j] as number);
    }
    fused.set(row, start);
  }
  return fused;
}

interface Term {
  readonly factor: Float64Array; // (cols)
  readonly scores: Float32Array; // (rows, cols)
}

/** General text and one task are the common case: no sums are kept between the two. */
function addTwo(fused: Float32Array, cols: number, a: Term, b: Term): void {
  for (let start = 0; start < fused.length; start += cols) {
    for (let j = 0; j < cols; j++) {
      const at = start + j;
      fused[at] = (a.factor[j] as number) * (a.scores[at] as number) + (b.factor[j] as number) * (b.scores[at] as number);
    }
  }
}

/** max_r a_r[j]·S_r[i,j]. */
export function largest(input: FuseInput, factors: Factors): Float32Array {
  const [rows, cols] = input.shape;
  const fused = new Float32Array(rows * cols).fill(Number.NEGATIVE_INFINITY);
  for (const [role, factor] of factors) {
    const scores = input.scores.get(role) as Float32Array;
    for (let start = 0; start < fused.length; start += cols) {
      for (let j = 0; j < cols; j++) {
        const score = (factor[j] as number) * (scores[start + j] as number);
        if (score > (fused[start + j] as number)) fused[start + j] = score;
      }
    }
  }
  return fused;
}

/** Π_r (a_r[j]·S_r[i,j])^w_r: 0 where any role scores 0. Throws SecateurError `unsupported` for a score below 0. */
export function geometricMean(input: FuseInput, factors: Factors): Float32Array {
  const [rows, cols] = input.shape;
  const fused = new Float32Array(rows * cols);
  const terms = [...factors].map(([role, factor]) => ({
    factor,
    scores: input.scores.get(role) as Float32Array,
    weight: input.weights.get(role) as number,
  }));
  for (let k = 0; k < fused.length; k++) {
    let log = 0;
    for (const { factor, scores, weight } of terms) log += weight * Math.log((factor[k % cols] as number) * (scores[k] as number));
    if (Number.isNaN(log))
      throw new SecateurError(
        "unsupported",
        `a score at row ${Math.floor(k / cols)}, column ${k % cols} is below 0: it has no geometric mean`,
      );
    fused[k] = Math.exp(log);
  }
  return fused;
}

/** Σ_r w_r·rank of a_r[j]·S_r[i,j] within its row or, for any other group, its matrix, beyond which it says nothing; equal scores rank by index. Exact up to 2²⁴ weights a group. */
export function meanRank(input: FuseInput, factors: Factors): Float32Array {
  const [rows, cols] = input.shape;
  const group = input.selection.group === "row" ? cols : rows * cols;
  const ranks = new Uint32Array(group);
  const sums = new Float64Array(rows * cols);
  for (const [role, factor] of factors) {
    const scores = input.scores.get(role) as Float32Array;
    // One factor for all channels changes no rank, but would round some scores to equal ones.
    const scaled = input.degree === 0 ? scores.map((score, k) => score * (factor[k % cols] as number)) : scores;
    const weight = input.weights.get(role) as number;
    for (let start = 0; start < scaled.length; start += group) {
      ranksOf(scaled.subarray(start, start + group), ranks);
      for (let k = 0; k < group; k++) sums[start + k] = (sums[start + k] as number) + weight * (ranks[k] as number);
    }
  }
  return Float32Array.from(sums);
}

/** Factors that also carry the roles' weights, for a plain weighted sum. */
export function byWeight(input: FuseInput, factors: Factors): Factors {
  return new Map([...factors].map(([role, factor]) => [role, factor.map((f) => f * (input.weights.get(role) as number))]));
}

/** √(Σ_r w_r·(a_r·S_r[i,j])²), a_r one factor a role: squares are what adds up in scores of a loss's gradients. */
export function rootMeanSquare(input: FuseInput, units: ReadonlyMap<Role, number>): Float32Array {
  const terms = [...units].map(([role, unit]) => ({
    scores: input.scores.get(role) as Float32Array,
    share: (input.weights.get(role) as number) * unit * unit,
  }));
  const fused = new Float32Array(input.shape[0] * input.shape[1]);
  for (let k = 0; k < fused.length; k++) {
    let sum = 0;
    for (const { scores, share } of terms) sum += share * (scores[k] as number) ** 2;
    fused[k] = Math.sqrt(sum);
  }
  return fused;
}

/**
 * The factors of the rule `shared-exclusive`: on shared channels Σ w S; on exclusive ones (1−λ)·Σ w S + λ·Own·(1 + boost when general is no owner),
 * Own the owners' weighted mean and λ = min(1, R·mean_owners w), R the number of roles. With equal weights λ = 1: the owner's own score.
 */
export function ownerFactors(input: FuseInput, factors: Factors, partition: Partition, boost: number, general: Role): Factors {
  const { roles, owners } = partition;
  const sharesOf = ownerShares(input, roles, boost, general);
  return new Map(
    roles.map((role, r) => [
      role,
      (factors.get(role) as Float64Array).map((scale, channel) => scale * (sharesOf(owners[channel] as number)[r] as number)),
    ]),
  );
}

/** What the rule `shared-exclusive` multiplies each role's score by, given a weight's owners (bit i: role i). */
export function ownerShares(input: FuseInput, roles: readonly Role[], boost: number, general: Role): (owners: number) => readonly number[] {
  const weights = roles.map((role) => input.weights.get(role) as number);
  const all = allOwners({ roles, owners: new Uint32Array(0) });
  const generalBit = roles.includes(general) ? 2 ** roles.indexOf(general) : 0;
  const known = new Map<number, readonly number[]>();
  const make = (own: number): readonly number[] => {
    if (own === all) return weights;
    const owning = weights.filter((_, i) => (own >>> i) & 1);
    const total = owning.reduce((sum, w) => sum + w, 0);
    const lambda = Math.min(1, (roles.length * total) / owning.length);
    const boosted = (own & generalBit) === 0 ? 1 + boost : 1;
    return weights.map((weight, r) => (1 - lambda) * weight + lambda * boosted * ((own >>> r) & 1 ? weight / total : 0));
  };
  return (own) => {
    const shares = known.get(own) ?? make(own);
    known.set(own, shares);
    return shares;
  };
}
