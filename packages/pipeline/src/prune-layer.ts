import { applyMask, countZeros, maskPattern, maskUnstructured } from "@secateur/fusion";
import { type Linear, type Role, type RoleStats, type Scorer, SecateurError, type Solver } from "@secateur/kit";
import { firstNotFinite, fromFloat32, type Tensor, toFloat32 } from "@secateur/tensor";
import { amountOf, type Counts } from "./allocation.ts";
import type { Shares } from "./fuse-scores.ts";
import { linearOf } from "./linear.ts";
import { observeRoles, type RoleScores } from "./role-scores.ts";
import { fusedScores, loadDense, type ScoreContext } from "./scores.ts";
import { repairLayer, type Solved, solveLayer } from "./solve-layer.ts";
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
  /** Input channels by owner, where the fusion parts them, or pools roles whose norms are known. */
  readonly channels?: Shares;
  /** How the roles' own scores lie beside each other, where two or more are fused. */
  readonly roles?: RoleScores;
  /** What a solver has to say of the layer, such as the damping that was needed. */
  readonly notes?: Readonly<Record<string, number>>;
}

/** The share of zeros over some layers. */
export function sparsityOf(layers: readonly LayerReport[]): number {
  const size = layers.reduce((sum, { shape }) => sum + shape[0] * shape[1], 0);
  return size === 0 ? 0 : layers.reduce((sum, { zeros }) => sum + zeros, 0) / size;
}

/** What pruning a layer works with, beside the layer. */
export interface LayerContext extends ScoreContext {
  /** What an allocator, or scores that compete beyond the matrix, have chosen. */
  readonly counts: Counts | undefined;
}

/** Scores one layer for each role, fuses, selects, and gives the tensor with the rest set to zero; a solver also changes the weights that stay. */
export async function pruneLayer(
  context: LayerContext,
  target: Target,
  weights: Tensor,
  stats: ReadonlyMap<Role, RoleStats>,
): Promise<{ tensor: Tensor; report: LayerReport }> {
  const { scorer, solver } = context.plan.method;
  const layer = linearOf(target, weights);
  const { tensor, ...facts } =
    "solve" in scorer ? await solved(context, scorer, layer, weights, stats) : await chosen(context, scorer, solver, layer, weights, stats);
  const report = { tensor: target.tensor, shape: target.shape, zerosBefore: countZeros(weights), zeros: countZeros(tensor), ...facts };
  return { tensor, report };
}

type Facts = Pick<LayerReport, "ties" | "channels" | "roles" | "notes">;

/** A scorer chooses; what stays is left as it is, or repaired by a solver. */
async function chosen(
  context: LayerContext,
  scorer: Scorer,
  solver: Solver | undefined,
  layer: Linear,
  weights: Tensor,
  stats: ReadonlyMap<Role, RoleStats>,
): Promise<{ tensor: Tensor } & Facts> {
  const [rows, cols] = layer.weights.shape as readonly [number, number]; // a linear's weight is a matrix
  const { pattern } = context.plan.recipe;
  const { dense, plan } = context;
  const read = dense && plan.method.scoresFrom === "dense" ? await loadDense(context, dense, layer.name, scorer) : stats;
  const amount = pattern ? 0 : amountOf(plan, context.counts, layer.name); // with a pattern nothing asks for it
  let roles: RoleScores | undefined;
  const { scores, channels } = await fusedScores(context, scorer, layer, read, (own, levels) => {
    const observer = observeRoles(rows, pattern, scorer.selection, levels);
    observer.add(own, cols, amount);
    roles = observer.seen();
  });
  const { mask, ties } = pattern
    ? maskPattern(scores, rows, cols, pattern)
    : maskUnstructured(scores, rows, cols, amount, scorer.selection);
  const facts = { ties, ...(channels && { channels }), ...(roles && { roles }) };
  if (!solver) return { tensor: applyMask(weights, mask), ...facts };
  const { tensor, notes } = repaired(layer, weights, await repairLayer(context, solver, layer, stats, mask));
  return { tensor, ...facts, ...(notes && { notes }) };
}

/** A solver chooses as it goes, and repairs. */
async function solved(
  context: LayerContext,
  solver: Solver,
  layer: Linear,
  weights: Tensor,
  stats: ReadonlyMap<Role, RoleStats>,
): Promise<{ tensor: Tensor } & Facts> {
  const solution = await solveLayer(context, solver, layer, stats);
  const { tensor, notes } = repaired(layer, weights, solution);
  const { ties, roles } = solution;
  return { tensor, ties, ...(roles && { roles }), ...(notes && { notes }) };
}

/** The tensor of what a solver has made of a layer. Throws SecateurError `numeric` for weights that its dtype cannot hold. */
function repaired(layer: Linear, weights: Tensor, solution: Solved): { tensor: Tensor; notes: Solved["notes"] } {
  const tensor = fromFloat32(weights.dtype, weights.shape, solution.weights);
  const bad = firstNotFinite(toFloat32(tensor));
  if (bad >= 0) {
    const message = `the repaired weights of ${layer.name} reach ${solution.weights[bad]} (entry ${bad}), which ${weights.dtype} cannot hold`;
    throw new SecateurError("numeric", message, { where: { tensor: layer.name } });
  }
  return { tensor, notes: solution.notes };
}
