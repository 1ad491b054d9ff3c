import { applyMask, countZeros, maskPattern, maskUnstructured } from "@secateur/fusion";
import { type Backend, degreeOf, type Linear, type Role, type RoleStats, type Scorer, SecateurError } from "@secateur/kit";
import { firstNotFinite, fromFloat32, type Tensor, toFloat32 } from "@secateur/tensor";
import { amountOf, type Counts } from "./allocation.ts";
import { fuseScores, normsOf, type Shares } from "./fuse-scores.ts";
import { linearOf } from "./linear.ts";
import type { Plan } from "./plan.ts";
import { checkNumbers, complain, type WeightGuard } from "./plugin-guard.ts";
import type { Pooler } from "./pooled.ts";
import { solveLayer } from "./solve-layer.ts";
import type { Target } from "./targets.ts";

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
  /** What a solver has to say of the layer, such as the damping that was needed. */
  readonly notes?: Readonly<Record<string, number>>;
}

/** What pruning a layer works with, beside the layer. */
export interface LayerContext {
  readonly plan: Plan;
  readonly backend: Backend;
  readonly pool: Pooler;
  readonly guard: WeightGuard;
  /** What an allocator has chosen. */
  readonly counts: Counts | undefined;
}

/** Scores one layer for each role, fuses, selects, and gives the tensor with the rest set to zero; a solver also changes the weights that stay. */
export async function pruneLayer(
  context: LayerContext,
  target: Target,
  weights: Tensor,
  stats: ReadonlyMap<Role, RoleStats>,
): Promise<{ tensor: Tensor; report: LayerReport }> {
  const { scorer } = context.plan;
  const layer = linearOf(target, weights);
  const { tensor, ...facts } =
    "solve" in scorer ? await solved(context, scorer, layer, weights, stats) : await masked(context, scorer, layer, weights, stats);
  const report = { tensor: target.tensor, shape: target.shape, zerosBefore: countZeros(weights), zeros: countZeros(tensor), ...facts };
  return { tensor, report };
}

type Facts = Pick<LayerReport, "ties" | "channels" | "notes">;

async function masked(
  context: LayerContext,
  scorer: Scorer,
  layer: Linear,
  weights: Tensor,
  stats: ReadonlyMap<Role, RoleStats>,
): Promise<{ tensor: Tensor } & Facts> {
  const [rows, cols] = layer.weights.shape as readonly [number, number]; // a linear's weight is a matrix
  const { pattern } = context.plan.recipe;
  const { scores, channels } = await fusedScores(context, scorer, layer, stats);
  const { mask, ties } = pattern
    ? maskPattern(scores, rows, cols, pattern)
    : maskUnstructured(scores, rows, cols, amountOf(context.plan, context.counts, layer.name), scorer.selection);
  return { tensor: applyMask(weights, mask), ties, ...(channels && { channels }) };
}

async function solved(
  context: LayerContext,
  solver: Exclude<Plan["scorer"], Scorer>,
  layer: Linear,
  weights: Tensor,
  stats: ReadonlyMap<Role, RoleStats>,
): Promise<{ tensor: Tensor } & Facts> {
  const solution = await solveLayer(context, solver, layer, stats);
  const tensor = fromFloat32(weights.dtype, weights.shape, solution.weights);
  const bad = firstNotFinite(toFloat32(tensor));
  if (bad >= 0) {
    const message = `the repaired weights of ${layer.name} reach ${solution.weights[bad]} (entry ${bad}), which ${weights.dtype} cannot hold`;
    throw new SecateurError("numeric", message, { where: { tensor: layer.name } });
  }
  return { tensor, ties: solution.ties, ...(solution.notes && { notes: solution.notes }) };
}

async function fusedScores(
  context: LayerContext,
  scorer: Scorer,
  layer: Linear,
  stats: ReadonlyMap<Role, RoleStats>,
): Promise<{ scores: Float32Array; channels?: Shares }> {
  const { plan, pool } = context;
  const { fuser, weights } = plan;
  const roles = [...weights.keys()];
  if (roles.length === 0) return { scores: await score(context, scorer, layer, NOTHING) };
  if ("pool" in fuser) {
    const pooled = pool(stats, () => fuser.pool(stats, weights));
    return { scores: await score(context, scorer, layer, pooled) };
  }

  const byRole = new Map<Role, Float32Array>();
  const degree = degreeOf(scorer);
  for (const role of roles) {
    const known = degree === 0 ? byRole.values().next().value : undefined;
    byRole.set(role, known ?? (await score(context, scorer, layer, stats.get(role) ?? NOTHING)));
  }
  const cols = layer.weights.shape[1] as number; // a linear's weight is a matrix
  return fuseScores(plan, fuser, layer, { byRole, cols, firstColumn: 0, degree, selection: scorer.selection }, normsOf(plan, stats));
}

const NOTHING: RoleStats = {
  get: (need) => {
    throw new SecateurError("unsupported", `the statistic ${need.id} was not collected: the scorer does not list it among its needs`);
  },
};

async function score({ plan, backend, guard }: LayerContext, scorer: Scorer, layer: Linear, stats: RoleStats): Promise<Float32Array> {
  const who = `scorer ${plan.recipe.scorer}`;
  const result = await guard(who, layer, () => scorer.score(layer, stats, backend));
  const { shape = [], data } = result ?? {};
  if (data && String(shape) !== String(layer.weights.shape))
    complain(who, layer, `gave scores of shape [${shape.join(", ")}] instead of [${layer.weights.shape.join(", ")}]`);
  checkNumbers(who, layer, data, layer.weights.data.length, "score");
  return data;
}
