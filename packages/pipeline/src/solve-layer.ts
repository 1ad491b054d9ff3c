import { type Amount, maskPattern, maskUnstructured, pruneCount } from "@secateur/fusion";
import type { Linear, Mask, Role, RoleStats, Select, Solver, SolverStats } from "@secateur/kit";
import type { F32Tensor } from "@secateur/tensor";
import { amountOf } from "./allocation.ts";
import { fuseColumns, type ScoreFuser, sidesOf } from "./fuse-scores.ts";
import type { Plan } from "./plan.ts";
import { checkNumbers, complain } from "./plugin-guard.ts";
import { mixtureOf } from "./pooled.ts";
import type { LayerContext } from "./prune-layer.ts";
import { observeRoles, type RoleScores, roleLevels } from "./role-scores.ts";

/** What a solver made of a layer. */
export interface Solved {
  /** (out, in), 0 where pruned. */
  readonly weights: Float32Array;
  readonly ties: number;
  readonly roles?: RoleScores;
  readonly notes?: Readonly<Record<string, number>>;
}

// Under this name the pooled statistics of all roles are scored.
const POOLED: Role = "pooled";

/** Has a solver prune and repair a layer; what is pruned is chosen by the plan's fusion, ratio or pattern as the solver goes. */
export async function solveLayer(
  context: LayerContext,
  solver: Solver,
  layer: Linear,
  stats: ReadonlyMap<Role, RoleStats>,
): Promise<Solved> {
  const { plan, pool, counts } = context;
  const { weights } = plan;
  const { fuser } = plan.method;
  const pooled = "pool" in fuser ? pool(stats, () => fuser.pool(stats, weights)) : undefined;
  const given: SolverStats = pooled
    ? { roles: new Map([[POOLED, pooled]]), mixture: pooled }
    : { roles: stats, mixture: mixtureOf(stats, plan.weights, pool) };
  const amount = plan.recipe.pattern ? 0 : amountOf(plan, counts, layer.name); // with a pattern nothing asks for it
  const chooser = createChooser(plan, solver, layer, amount, "pool" in fuser ? undefined : fuser, stats);
  return solve(context, `scorer ${plan.recipe.scorer}`, solver, layer, given, chooser);
}

/** Has a solver repair a layer whose mask (out, in) another scorer has chosen: whatever it asks for, the mask is the answer. */
export async function repairLayer(
  context: LayerContext,
  solver: Solver,
  layer: Linear,
  stats: ReadonlyMap<Role, RoleStats>,
  mask: Mask,
): Promise<Solved> {
  const { plan, pool } = context;
  const mixture = mixtureOf(stats, plan.weights, pool);
  const [rows, cols] = layer.weights.shape as readonly [number, number]; // a linear's weight is a matrix
  const choose: Select["choose"] = (scores, firstColumn) => {
    const width = scores.values().next().value?.shape[1] ?? 0;
    const part = new Uint8Array(rows * width);
    for (let i = 0; i < rows; i++)
      part.set(mask.subarray(i * cols + firstColumn, i * cols + Math.min(cols, firstColumn + width)), i * width);
    return part;
  };
  const given: SolverStats = { roles: new Map([[POOLED, mixture]]), mixture };
  return solve(context, `solver ${plan.recipe.solver}`, solver, layer, given, { choose, ties: () => 0, roles: () => undefined });
}

async function solve(
  { plan, backend, guard }: LayerContext,
  who: string,
  solver: Solver,
  layer: Linear,
  given: SolverStats,
  { choose, ties, roles }: Chooser,
): Promise<Solved> {
  const [rows, cols] = layer.weights.shape as readonly [number, number]; // a linear's weight is a matrix
  const chosen = new Uint8Array(rows * cols);
  let columns = 0;
  const select: Select = {
    groupColumns: plan.recipe.pattern?.of ?? 0,
    choose(scores, firstColumn) {
      if (firstColumn !== columns) complain(who, layer, `asked for column ${firstColumn} after ${columns} columns`);
      const part = choose(scores, firstColumn);
      const width = part.length / rows;
      columns += width;
      if (columns > cols) complain(who, layer, `asked for ${columns} of ${cols} columns`);
      for (let i = 0; i < rows; i++) chosen.set(part.subarray(i * width, (i + 1) * width), i * cols + firstColumn);
      return part;
    },
  };
  const solution = await guard(who, layer, () => solver.solve(layer, given, select, backend));
  const { weights: solved, mask, notes } = solution ?? {}; // whatever its type says, a plugin may give anything
  checkNumbers(who, layer, solved?.data, rows * cols, "weight");
  if (columns !== cols) complain(who, layer, `asked for ${columns} of ${cols} columns`);
  if (mask?.length !== rows * cols) complain(who, layer, `gave a mask of ${mask?.length ?? 0} entries instead of ${rows * cols}`);
  for (let i = 0; i < chosen.length; i++) {
    if (mask[i] !== chosen[i]) complain(who, layer, `gave another mask than was chosen (entry ${i})`);
    if (chosen[i] === 0 && solved.data[i] !== 0) complain(who, layer, `left a weight that was pruned (entry ${i})`);
  }
  const seen = roles();
  return { weights: solved.data, ties: ties(), ...(seen && { roles: seen }), ...(notes && { notes }) };
}

/** What answers a solver's questions. */
interface Chooser extends Pick<Select, "choose"> {
  ties(): number;
  roles(): RoleScores | undefined;
}

function createChooser(
  plan: Plan,
  solver: Solver,
  layer: Linear,
  amount: Amount,
  fuser: ScoreFuser | undefined,
  stats: ReadonlyMap<Role, RoleStats>,
): Chooser {
  const { pattern } = plan.recipe;
  const { selection } = solver;
  const rows = layer.weights.shape[0] as number; // a linear's weight is a matrix
  const sides = fuser ? sidesOf(plan, stats) : { norms: new Map<Role, Float64Array>() };
  const degree = 1; // that of the scores of every solver
  const observer = observeRoles(rows, pattern, selection, roleLevels(sides, degree));
  let [columns, pruned, ties] = [0, 0, 0];

  function scoresOf(
    scores: ReadonlyMap<Role, F32Tensor>,
    firstColumn: number,
  ): { byRole: ReadonlyMap<Role, Float32Array>; fused: Float32Array; cols: number } {
    const [first] = scores.values();
    const cols = first?.shape[1] ?? 0;
    const byRole = new Map([...scores].map(([role, tensor]) => [role, tensor.data]));
    for (const values of byRole.values()) checkNumbers(`scorer ${plan.recipe.scorer}`, layer, values, rows * cols, "score");
    if (!fuser || scores.size === 1) return { byRole, fused: first?.data ?? new Float32Array(0), cols };
    return { byRole, fused: fuseColumns(plan, fuser, layer, { byRole, cols, firstColumn, degree, selection }, sides), cols };
  }

  function choose(scores: ReadonlyMap<Role, F32Tensor>, firstColumn: number): Mask {
    const { byRole, fused, cols } = scoresOf(scores, firstColumn);
    columns += cols;
    const part = pattern ? 0 : share(cols);
    if (byRole.size > 1) observer.add(byRole, cols, part);
    const result = pattern ? maskPattern(fused, rows, cols, pattern) : maskUnstructured(fused, rows, cols, part, selection);
    pruned += result.pruned;
    ties += result.ties;
    return result.mask;
  }

  /** What to prune of these columns, so that the matrix comes out exact: what one block's fraction lacks is carried to the next. */
  function share(cols: number): Amount {
    const all = layer.weights.shape[1] as number;
    if (typeof amount === "object" && "rows" in amount) {
      const due = (count: number, upTo: number): number => Math.floor((count * upTo) / all);
      return { rows: amount.rows.map((count) => due(count, columns) - due(count, columns - cols)) };
    }
    const ratio = typeof amount === "number" ? amount : amount.count / (rows * all);
    if (selection.rule === "threshold" || (selection.group === "row" && typeof amount === "number")) return ratio;
    const upToHere = typeof amount === "number" ? pruneCount(rows * columns, ratio) : Math.floor((amount.count * columns) / all);
    return { count: upToHere - pruned };
  }

  return { choose, ties: () => ties, roles: observer.seen };
}
