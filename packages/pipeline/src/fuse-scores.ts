import { partitionShares } from "@secateur/fusion";
import {
  type FuseInput,
  type Fuser,
  gradientRms,
  inputNorm,
  inputRms,
  type Linear,
  outputGradient,
  type Role,
  type RoleStats,
  type Selection,
} from "@secateur/kit";
import type { Plan } from "./plan.ts";
import { checkNumbers, guarded } from "./plugin-guard.ts";

/** Input channels by owner. */
export type Shares = ReturnType<typeof partitionShares>;

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
export async function fuseScores(
  plan: Plan,
  fuser: ScoreFuser,
  layer: Linear,
  scores: Scores,
  sides: Sides,
): Promise<{ scores: Float32Array; channels?: Shares }> {
  const who = `fusion ${plan.recipe.fusion}`;
  const fused = await guarded(who, layer, () => fuser.fuse(fuseInput(plan, layer, scores, sides)));
  return checkedFusion(who, layer, scores, fused);
}

/** As `fuseScores`, for a solver that asks in the midst of its loop. */
export function fuseColumns(plan: Plan, fuser: ScoreFuser, layer: Linear, scores: Scores, sides: Sides): Float32Array {
  return checkedFusion(`fusion ${plan.recipe.fusion}`, layer, scores, fuser.fuse(fuseInput(plan, layer, scores, sides))).scores;
}

function fuseInput(plan: Plan, layer: Linear, { byRole, cols, firstColumn, degree, selection }: Scores, sides: Sides): FuseInput {
  const rows = layer.weights.shape[0] as number; // a linear's weight is a matrix
  return {
    roles: [...plan.weights.keys()],
    weights: plan.weights,
    shape: [rows, cols],
    scores: byRole,
    ...sides,
    firstColumn,
    degree,
    selection,
  };
}

function checkedFusion(
  who: string,
  layer: Linear,
  { cols }: Scores,
  fused: ReturnType<ScoreFuser["fuse"]>,
): { scores: Float32Array; channels?: Shares } {
  const scores: Float32Array | undefined = fused?.scores; // whatever its type says, a plugin may give anything
  checkNumbers(who, layer, scores, (layer.weights.shape[0] as number) * cols, "score");
  return fused.partition ? { scores, channels: partitionShares(fused.partition) } : { scores };
}
