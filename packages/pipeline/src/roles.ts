import { createHash } from "node:crypto";
import { type Fuser, GENERAL, type Role, SecateurError } from "@secateur/kit";
import type { OpenStatistics, Shard } from "@secateur/statistics";
import type { RoleFacts } from "./data.ts";
import type { DataSource, PlannedRecipe } from "./recipe.ts";

/** The roles whose data the fuser reads, with a weight above 0 where one of them has; a clear error when text is missing. */
export function wantedRoles(
  { general, tasks, scorer, fusion }: Pick<PlannedRecipe, "general" | "tasks" | "scorer" | "fusion">,
  fuser: Fuser,
  weights: ReadonlyMap<Role, number>,
): { role: Role; sources: readonly DataSource[] }[] {
  const roles: { role: Role; sources: readonly DataSource[] }[] = [];
  if (fuser.reads !== "tasks") {
    if (general.length === 0) {
      throw new SecateurError(
        "usage",
        `no general text is given, and ${scorer} with fusion ${fusion} reads it: name a file with --general, such as --general c4.jsonl`,
      );
    }
    roles.push({ role: GENERAL, sources: general });
  }
  if (fuser.reads !== "general") {
    if (tasks.length === 0)
      throw new SecateurError("usage", `fusion ${fusion} reads a task's data: name a file with --task, such as --task math=gsm8k.jsonl`);
    roles.push(...tasks.map((task) => ({ role: task.name, sources: [task] })));
  }
  return heavyOnes(roles, weights);
}

/** The roles of a statistics file that the fuser reads, as `wantedRoles`. A file of one role serves every fusion that reads all. */
export function keptRoles({ path, header }: OpenStatistics, fusion: string, fuser: Fuser, weights: ReadonlyMap<Role, number>): RoleFacts[] {
  const kept = header.roles.filter(({ role }) => fuser.reads === "all" || (role === GENERAL) === (fuser.reads === "general"));
  if (kept.length === 0) {
    const wanted = fuser.reads === "general" ? "general text's" : "a task's";
    const found = header.roles.map(({ role }) => role).join(", ");
    throw new SecateurError("input", `${path}: fusion ${fusion} reads ${wanted} statistics; its roles are ${found}`, {
      where: { file: path },
    });
  }
  return heavyOnes(
    kept.map(({ role, shards }) => factsOf(role, shards)),
    weights,
  );
}

function heavyOnes<Item extends { readonly role: Role }>(roles: readonly Item[], weights: ReadonlyMap<Role, number>): Item[] {
  const heavy = roles.filter(({ role }) => (weights.get(role) ?? 0) > 0);
  return heavy.length > 0 ? heavy : [...roles];
}

function factsOf(role: Role, shards: readonly Shard[]): RoleFacts {
  const sum = (of: (shard: Shard) => number): number => shards.reduce((total, shard) => total + of(shard), 0);
  const [first] = shards as readonly [Shard]; // a role has a shard
  const whole = createHash("sha256");
  for (const { hash } of shards) whole.update(hash);
  return {
    role,
    sources: [...new Set(shards.flatMap(({ sources }) => sources))],
    count: sum(({ sequences }) => sequences),
    tokens: sum(({ tokens }) => tokens),
    hash: shards.length === 1 ? first.hash : `sha256:${whole.digest("hex")}`,
    endToken: first.endToken,
    counts: {
      rows: sum(({ rows }) => rows),
      empty: sum(({ empty }) => empty),
      duplicates: sum(({ duplicates }) => duplicates),
      truncated: sum(({ truncated }) => truncated),
      specialTokens: sum(({ specialTokens }) => specialTokens),
    },
  };
}

/** The weights of the roles at hand, summing to 1. */
export function shareOf(roles: readonly Role[], weights: ReadonlyMap<Role, number>): Map<Role, number> {
  const sum = roles.reduce((total, role) => total + (weights.get(role) ?? 0), 0);
  return new Map(roles.map((role) => [role, sum > 0 ? (weights.get(role) ?? 0) / sum : 1 / roles.length]));
}
