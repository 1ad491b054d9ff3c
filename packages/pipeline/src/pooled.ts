import { poolStats } from "@secateur/fusion";
import { type Fuser, type Linear, type Need, type Role, type RoleStats, SecateurError } from "@secateur/kit";
import { firstNotFinite } from "@secateur/tensor";
import { fixedMap, sumsOf } from "./given.ts";
import type { Plan } from "./plan.ts";
import { complain, type PluginGuard } from "./plugin-guard.ts";

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

/** What a fuser pools of roles' statistics, `needs` of them. All of it is asked for and checked here, so that none of its code runs later, in another plugin's. */
export function fusedStats(
  { plan, guard, fused }: { readonly plan: Plan; readonly guard: PluginGuard; readonly fused: Pooler },
  fuser: Extract<Fuser, { pool: unknown }>,
  layer: Linear,
  stats: ReadonlyMap<Role, RoleStats>,
  needs: readonly Need[],
): RoleStats {
  const who = `fusion ${plan.recipe.fusion}`;
  return fused(stats, () => {
    const given = [...stats].flatMap(([role, of]) => sumsOf(of, [...needs, ...fuser.needs], ` of role ${role}`));
    const read = guard.run(who, layer, given, () => {
      const pooled: Partial<RoleStats> | undefined = fuser.pool(fixedMap(stats), fixedMap(plan.weights)); // whatever its type says, a plugin may give anything
      if (typeof pooled?.get !== "function") complain(who, layer, "gave no statistics");
      return needs.map((need) => [need.id, pooled.get?.(need)] as const);
    });
    const [like] = stats.values() as Iterable<RoleStats> as [RoleStats]; // what is pooled has a role
    for (const [i, [, sums]] of read.entries()) checkSums(who, layer, needs[i] as Need, sums, like);
    return statsOfSums(new Map(read as [string, Sums][])); // checked
  });
}

type Sums = Readonly<Record<string, Float64Array>>;

function checkSums(who: string, layer: Linear, need: Need, sums: Sums | undefined, like: RoleStats): void {
  for (const [name, { length }] of Object.entries(like.get(need))) {
    const values: unknown = sums?.[name];
    const what = `${need.id}.${name}`;
    if (values === undefined) complain(who, layer, `gave no ${what}`);
    if (!(values instanceof Float64Array)) complain(who, layer, `gave a ${what} that is no Float64Array`);
    if (values.length !== length) complain(who, layer, `gave ${values.length} numbers as ${what} instead of ${length}`);
    const bad = NEVER_NEGATIVE.includes(name)
      ? values.findIndex((value) => !(value >= 0 && value < Number.POSITIVE_INFINITY))
      : firstNotFinite(values);
    if (bad >= 0) complain(who, layer, `gave ${values[bad]} in ${what} (entry ${bad})`);
  }
}

// Of every statistic these are sums of what is at least 0.
const NEVER_NEGATIVE: readonly string[] = ["squares", "weight"];

function statsOfSums(sums: ReadonlyMap<string, Sums>): RoleStats {
  return {
    get(need) {
      const found = sums.get(need.id);
      if (found) return found;
      throw new SecateurError("unsupported", `the statistic ${need.id} was not pooled: who reads it does not list it among its needs`);
    },
  };
}
