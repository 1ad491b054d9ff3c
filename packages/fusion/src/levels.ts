import { type Role, SecateurError } from "@secateur/kit";

/** How a role's level is taken: from the mean or the median of the logarithms of its norms. */
export type LevelKind = "geometric" | "median";

/**
 * Each role's level ĝ, the typical size of its activation norms (cols): exp of the mean or median of their logarithms over the channels that are
 * alive (above 0) in every role, so that a few massive channels do not decide it. Where no channel is alive in every role nothing can be
 * compared, and every level is 1. Throws SecateurError `numeric` for a norm that is not a finite number of at least 0.
 */
export function levels(norms: ReadonlyMap<Role, Float64Array>, kind: LevelKind = "geometric"): ReadonlyMap<Role, number> {
  const alive = aliveEverywhere(norms);
  return new Map([...norms].map(([role, of]) => [role, alive.length > 0 ? levelOf(of, alive, kind) : 1]));
}

/** Each role's norms divided by its level: n̂. */
export function levelled(norms: ReadonlyMap<Role, Float64Array>, kind: LevelKind = "geometric"): ReadonlyMap<Role, Float64Array> {
  const level = levels(norms, kind);
  return new Map([...norms].map(([role, of]) => [role, of.map((norm) => norm / (level.get(role) as number))]));
}

function levelOf(norms: Float64Array, alive: readonly number[], kind: LevelKind): number {
  const logs = Float64Array.from(alive, (channel) => Math.log(norms[channel] as number));
  if (kind === "geometric") return Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length);
  logs.sort();
  const middle = logs.length >>> 1;
  const upper = logs[middle] as number;
  return Math.exp(logs.length % 2 === 1 ? upper : (upper + (logs[middle - 1] as number)) / 2);
}

function aliveEverywhere(norms: ReadonlyMap<Role, Float64Array>): readonly number[] {
  const [first] = norms.values();
  for (const [role, of] of norms) {
    if (of.length !== first?.length) {
      throw new SecateurError("internal", `role ${role} has norms of ${of.length} channels, the first role of ${first?.length}`);
    }
    const bad = of.findIndex((norm) => !(norm >= 0 && norm < Number.POSITIVE_INFINITY));
    if (bad >= 0) {
      throw new SecateurError(
        "numeric",
        `the norm of input channel ${bad} for role ${role} is ${of[bad]}, wanted a finite number of at least 0`,
      );
    }
  }
  const all = [...norms.values()];
  return Array.from({ length: first?.length ?? 0 }, (_, channel) => channel).filter((channel) =>
    all.every((of) => (of[channel] as number) > 0),
  );
}
