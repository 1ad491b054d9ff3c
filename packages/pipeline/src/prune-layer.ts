import { applyMask, countZeros, maskPattern, maskUnstructured, partitionShares } from "@secateur/fusion";
import { type Backend, inputRms, type Linear, type Role, type RoleStats, SecateurError } from "@secateur/kit";
import { f32, type Tensor, toFloat32 } from "@secateur/tensor";
import type { Plan } from "./plan.ts";
import type { Target } from "./targets.ts";

type Shares = ReturnType<typeof partitionShares>;

/** What pruning did to one tensor. */
export interface LayerReport {
  readonly tensor: string;
  readonly shape: readonly [number, number];
  /** Zeros among its weights, before and after. */
  readonly zerosBefore: number;
  readonly zeros: number;
  /** Weights whose score equalled the cut's and that their index decided. */
  readonly ties: number;
  /** Input channels by owner, where the fusion parts them. */
  readonly channels?: Shares;
}

/** Scores one layer for each role, fuses, selects, and gives the tensor with the rest set to zero. */
export async function pruneLayer(
  plan: Plan,
  target: Target,
  weights: Tensor,
  stats: ReadonlyMap<Role, RoleStats>,
  backend: Backend,
): Promise<{ tensor: Tensor; report: LayerReport }> {
  const [rows, cols] = target.shape;
  const values = toFloat32(weights);
  const layer: Linear = {
    name: target.tensor,
    weights: f32(target.shape, values),
    axes: target.weight.axes as readonly [string, string], // a linear's weight has two axes
    sizes: Object.fromEntries(target.weight.axes.map((axis, i) => [axis, target.shape[i] as number])),
  };
  const { scores, channels } = await fusedScores(plan, layer, stats, backend);
  const { recipe, scorer } = plan;
  const { mask, ties } = recipe.pattern
    ? maskPattern(scores, rows, cols, recipe.pattern)
    : maskUnstructured(scores, rows, cols, recipe.sparsity as number, scorer.selection); // a checked recipe has one of the two
  const tensor = applyMask(weights, mask);
  const report = {
    tensor: target.tensor,
    shape: target.shape,
    zerosBefore: countZeros(weights),
    zeros: countZeros(tensor),
    ties,
  };
  return { tensor, report: channels ? { ...report, channels } : report };
}

async function fusedScores(
  plan: Plan,
  layer: Linear,
  stats: ReadonlyMap<Role, RoleStats>,
  backend: Backend,
): Promise<{ scores: Float32Array; channels?: Shares }> {
  const { fuser, scorer } = plan;
  const roles = plan.roles.map(({ role }) => role);
  const weights = shareOf(roles, plan.weights);
  if (roles.length === 0) return { scores: await score(plan, layer, NOTHING, backend) };
  if ("pool" in fuser) return { scores: await score(plan, layer, fuser.pool(stats, weights), backend) };

  const byRole = new Map<Role, Float32Array>();
  const activationFree = scorer.needs.length === 0;
  for (const role of roles) {
    const known = activationFree ? byRole.values().next().value : undefined;
    byRole.set(role, known ?? (await score(plan, layer, stats.get(role) as RoleStats, backend)));
  }
  const norms = new Map(roles.map((role) => [role, fuser.needs.length > 0 ? inputRms(stats.get(role) as RoleStats) : new Float64Array(0)]));
  const { scores, partition } = fuser.fuse({
    roles,
    weights,
    shape: [layer.weights.shape[0] as number, layer.weights.shape[1] as number],
    scores: byRole,
    norms,
    activationFree,
    selection: scorer.selection,
  });
  return partition ? { scores, channels: partitionShares(partition) } : { scores };
}

const NOTHING: RoleStats = {
  get: (need) => {
    throw new SecateurError("unsupported", `the statistic ${need.id} was not collected: the scorer does not list it among its needs`);
  },
};

async function score(plan: Plan, layer: Linear, stats: RoleStats, backend: Backend): Promise<Float32Array> {
  const name = plan.recipe.scorer;
  const before = layer.weights.data.slice();
  let result: Awaited<ReturnType<typeof plan.scorer.score>>;
  try {
    result = await plan.scorer.score(layer, stats, backend);
  } catch (cause) {
    if (cause instanceof SecateurError) throw cause;
    throw new SecateurError("plugin", `scorer ${name} failed on ${layer.name}: ${cause instanceof Error ? cause.message : cause}`, {
      where: { tensor: layer.name },
      cause,
    });
  }
  const complain = (what: string): never => {
    throw new SecateurError("plugin", `scorer ${name} ${what} for ${layer.name}`, { where: { tensor: layer.name } });
  };
  if (String(result.shape) !== String(layer.weights.shape))
    complain(`gave scores of shape [${result.shape.join(", ")}] instead of [${layer.weights.shape.join(", ")}]`);
  const bad = result.data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) complain(`gave a score of ${result.data[bad]} (entry ${bad})`);
  if (layer.weights.data.some((value, i) => value !== before[i])) complain("changed the weights that it was given");
  return result.data;
}

/** The weights of the roles at hand, summing to 1. */
function shareOf(roles: readonly Role[], weights: ReadonlyMap<Role, number>): Map<Role, number> {
  const sum = roles.reduce((total, role) => total + (weights.get(role) ?? 0), 0);
  return new Map(roles.map((role) => [role, sum > 0 ? (weights.get(role) ?? 0) / sum : 1 / roles.length]));
}
