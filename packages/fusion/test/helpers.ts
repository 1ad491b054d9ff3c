import type { FuseInput, Fuser, Role, RoleStats } from "@secateur/kit";
import { seededRandom } from "@secateur/tensor";
import { maskUnstructured } from "../src/index.ts";

/** Norms of `cols` channels that differ by factors up to 50. */
export function randomNorms(seed: number, cols: number): Float64Array {
  const random = seededRandom(seed);
  return Float64Array.from({ length: cols }, () => Math.exp(4 * random.next() - 2));
}

export function randomWeights(seed: number, count: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count }, () => random.next() - 0.5);
}

/** |W_ij|·n[j]^degree, the norms' powers in single precision. */
export function foundation(weights: Float32Array, norms: Float64Array, degree: number = 1): Float32Array {
  return weights.map((w, k) => Math.abs(w) * Math.fround((norms[k % norms.length] as number) ** degree));
}

/** What a fuser is given for a layer over the foundation |W_ij|·n[j]^degree. */
export function inputOf(
  weights: Float32Array,
  roles: Readonly<Record<Role, { readonly weight: number; readonly norms: Float64Array }>>,
  degree: number = 1,
): FuseInput {
  const entries = Object.entries(roles);
  const cols = entries[0]?.[1].norms.length ?? 0;
  return {
    roles: Object.keys(roles),
    weights: new Map(entries.map(([role, { weight }]) => [role, weight])),
    shape: [weights.length / cols, cols],
    scores: new Map(entries.map(([role, { norms }]) => [role, foundation(weights, norms, degree)])),
    norms: new Map(entries.map(([role, { norms }]) => [role, norms])),
    firstColumn: 0,
    degree,
    selection: { group: "row", rule: "exact" },
  };
}

/** The scores that a fuser of scores gives. */
export function fuse(fuser: Fuser, input: FuseInput): Float32Array {
  if ("pool" in fuser) throw new Error("this fuser pools");
  return fuser.fuse(input).scores;
}

/** The mask that keeps the higher half of each row. */
export function halfMask(scores: Float32Array, cols: number): number[] {
  return [...maskUnstructured(scores, scores.length / cols, cols, 0.5, { group: "row", rule: "exact" }).mask];
}

/** `inputNorm` of tokens that are given as rows. */
export function statsOfRows(rows: readonly (readonly number[])[]): RoleStats {
  const cols = rows[0]?.length ?? 0;
  const sumOf = (f: (x: number) => number): Float64Array =>
    Float64Array.from({ length: cols }, (_, j) => rows.reduce((sum, row) => sum + f(row[j] as number), 0));
  const gram = Float64Array.from({ length: cols * cols }, (_, k) =>
    rows.reduce((sum, row) => sum + (row[Math.floor(k / cols)] as number) * (row[k % cols] as number), 0),
  );
  const weight = Float64Array.of(rows.length);
  return {
    get: ({ id }) => (id === "gram" ? { gram, weight } : { squares: sumOf((x) => x * x), sums: sumOf((x) => x), weight }),
  };
}
