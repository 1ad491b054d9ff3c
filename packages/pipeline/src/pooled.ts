import { poolStats } from "@secateur/fusion";
import type { Role, RoleStats } from "@secateur/kit";

/** Pools roles' statistics by a function, each tap's once: one pooler for each function. */
export type Pooler = (stats: ReadonlyMap<Role, RoleStats>, pool: () => RoleStats) => RoleStats;

/**
 * A pooler for one run. Layers that read the same input have the same statistics, as objects, and get the same pooled ones: what a solver derives from
 * these, such as a factor, it can keep for the next of the layers.
 */
export function createPooler(): Pooler {
  const known = new WeakMap<RoleStats, { readonly of: readonly RoleStats[]; readonly pooled: RoleStats }>();
  return (stats, pool) => {
    const of = [...stats.values()];
    const [first] = of;
    const before = first && known.get(first);
    if (before && before.of.length === of.length && before.of.every((one, i) => one === of[i])) return before.pooled;
    const pooled = pool();
    if (first) known.set(first, { of, pooled });
    return pooled;
  };
}

/** The statistics of roles mixed by their weights. A single role's are their own mixture: whoever factors them then has one thing to factor. */
export function mixtureOf(stats: ReadonlyMap<Role, RoleStats>, weights: ReadonlyMap<Role, number>, pool: Pooler): RoleStats {
  const [only] = stats.values();
  return stats.size === 1 && only ? only : pool(stats, () => poolStats(stats, weights, false));
}
