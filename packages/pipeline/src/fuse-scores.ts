import { DEFAULT_TAU, levelled, partitionShares, sharedExclusive } from "@secateur/fusion";
import {
  type FuseInput,
  type Fuser,
  gradientRms,
  inputNorm,
  inputRms,
  type Linear,
  outputGradient,
  type Partition,
  type Role,
  type RoleStats,
  type Selection,
} from "@secateur/kit";
import { byRole, fixedMap, frozen } from "./given.ts";
import type { Plan } from "./plan.ts";
import { checkNumbers, complain, type PluginGuard } from "./plugin-guard.ts";

/** Input channels by owner. */
export type Shares = ReturnType<typeof partitionShares>;

/** Input channels by owner where no fusion parts them, by each role's norms of them. */
export function sharesOf(norms: ReadonlyMap<Role, Float64Array>): Shares {
  return partitionShares(sharedExclusive(levelled(norms), DEFAULT_TAU));
}

/** A fuser of scores, as against one that pools statistics. */
export type ScoreFuser = Required<Pick<Extract<Fuser, { fuse: unknown }>, "fuse">>;

/** What a fuser is told of a layer's two sides and of the roles, beside their scores. */
export type Sides = Pick<FuseInput, "norms" | "gradients" | "levels">;

/** What is fused: each role's scores of a layer's columns from `firstColumn` on. */
export interface Scores {
  readonly byRole: ReadonlyMap<Role, Float32Array>;
  readonly cols: number;
  readonly firstColumn: number;
  readonly degree: number;
  readonly selection: Selection;
}

/** Each role's norms, and its gradients, where the plan's fuser reads them. */
export function sidesOf({ weights, method }: Plan, stats: ReadonlyMap<Role, RoleStats>): Pick<Sides, "norms" | "gradients"> {
  const reads = (id: string): boolean => method.fuser.needs.some((need) => need.id === id);
  const each = (of: (stats: RoleStats) => Float64Array): Map<Role, Float64Array> =>
    new Map([...weights.keys()].map((role) => [role, of(stats.get(role) as RoleStats)]));
  return {
    norms: reads(inputNorm.id) ? each(inputRms) : each(() => new Float64Array(0)),
    ...(reads(outputGradient.id) && { gradients: each(gradientRms) }),
  };
}

/** One matrix of scores (out, columns) from every role's, and how many channels each role owns where the fusion parts them. */
export function fuseScores(
  { plan, guard }: { readonly plan: Plan; readonly guard: PluginGuard },
  fuser: ScoreFuser,
  layer: Linear,
  scores: Scores,
  sides: Sides,
): { scores: Float32Array; channels?: Shares } {
  const who = `fusion ${plan.recipe.fusion}`;
  const given = [...byRole("scores", scores.byRole), ...byRole("norms", sides.norms), ...byRole("gradients", sides.gradients ?? new Map())];
  const input = fuseInput(plan, layer, scores, sides);
  const fused = guard.run(who, layer, given, () => fuser.fuse(input));
  const { scores: values, partition } = fused ?? {}; // whatever its type says, a plugin may give anything
  checkNumbers(who, layer, values, (layer.weights.shape[0] as number) * scores.cols, "score");
  if (!partition) return { scores: values };
  checkPartition(who, layer, partition, input);
  return { scores: values, channels: partitionShares(partition) };
}

function fuseInput(plan: Plan, layer: Linear, { byRole: scores, cols, firstColumn, degree, selection }: Scores, sides: Sides): FuseInput {
  const { norms, gradients, levels } = sides;
  return frozen({
    roles: [...plan.weights.keys()],
    weights: fixedMap(plan.weights),
    shape: [layer.weights.shape[0] as number, cols], // a linear's weight is a matrix
    scores: fixedMap(scores),
    norms: fixedMap(norms),
    ...(gradients && { gradients: fixedMap(gradients) }),
    ...(levels && { levels: fixedMap(levels) }),
    firstColumn,
    degree,
    selection: { ...selection },
  });
}

function checkPartition(who: string, layer: Linear, { roles, owners }: Partition, input: FuseInput): void {
  if (!Array.isArray(roles) || String(roles) !== String(input.roles))
    complain(
      who,
      layer,
      `gave a partition among the roles ${Array.isArray(roles) ? roles.join(", ") : roles} instead of ${input.roles.join(", ")}`,
    );
  if (!(owners instanceof Uint32Array)) complain(who, layer, "gave a partition whose owners are no Uint32Array");
  const channels = input.shape[1];
  if (owners.length !== channels) complain(who, layer, `gave the owners of ${owners.length} channels instead of ${channels}`);
  const bad = owners.findIndex((bits) => bits === 0 || bits >= 2 ** roles.length);
  if (bad >= 0)
    complain(
      who,
      layer,
      `gave channel ${bad} the owners ${owners[bad]?.toString(2)}, wanted one or more of ${roles.length} roles, a bit each,`,
    );
}
