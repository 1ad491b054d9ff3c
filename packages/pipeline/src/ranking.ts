import { maskUnstructured, rankedCounts } from "@secateur/fusion";
import { type Role, type RoleStats, SecateurError, throwIfCancelled } from "@secateur/kit";
import type { Counts } from "./allocation.ts";
import type { Emit } from "./events.ts";
import { linearOf } from "./linear.ts";
import { fusedScores, loadDense, type ScoreContext } from "./scores.ts";

/**
 * How many weights each layer prunes, or each of its rows, where the scores of the dense model compete beyond the matrix: exact in total, and each matrix within
 * the band of its selection. Scores are made anew each time they are read, so that no more than one layer's are held.
 */
export async function rankCounts(
  context: ScoreContext,
  { emit, signal }: { readonly emit: Emit; readonly signal: AbortSignal | undefined },
): Promise<Counts> {
  const { sections, method, recipe, model } = context.plan;
  const { ranking } = method;
  const { dense } = context;
  if (!ranking) throw new SecateurError("internal", "nothing is ranked where no scores compete beyond the matrix");
  const { scorer, budget } = ranking;
  const layers = sections.flatMap(({ linears }, block) =>
    linears.map((target) => ({ target, block, size: target.shape[0] * target.shape[1] })),
  );
  const total = layers.length * (budget === "row" ? 3 : 2);
  let done = 0;
  const scoresOf = async (i: number): Promise<Float32Array> => {
    throwIfCancelled(signal);
    const { target, block } = layers[i] as (typeof layers)[number];
    const layer = linearOf(target, await model.read(target.tensor));
    const stats = dense ? await loadDense(context, dense, target.tensor, scorer) : new Map<Role, RoleStats>(); // neither scorer nor fusion reads any
    const { scores } = await fusedScores(context, scorer, layer, stats);
    emit({ type: "progress", phase: "allocate", block, blocks: sections.length, done: ++done, total });
    return scores;
  };
  const ratio = recipe.sparsity as number; // beside a pattern nothing is ranked
  const counts = await rankedCounts(layers, ratio, scorer.selection, scoresOf);
  const budgets: Record<string, number | number[]> = {};
  for (const [i, { target }] of layers.entries()) {
    const [rows, cols] = target.shape;
    const count = counts[i] as number;
    budgets[target.tensor] = budget === "matrix" ? count : prunedByRow(await scoresOf(i), rows, cols, count);
  }
  return budgets;
}

/** How many of the lowest scores of a matrix stand in each of its rows. */
function prunedByRow(scores: Float32Array, rows: number, cols: number, count: number): number[] {
  const { mask } = maskUnstructured(scores, rows, cols, { count }, { group: "matrix", rule: "exact" });
  return Array.from({ length: rows }, (_, row) =>
    mask.subarray(row * cols, (row + 1) * cols).reduce((pruned, kept) => pruned + 1 - kept, 0),
  );
}
