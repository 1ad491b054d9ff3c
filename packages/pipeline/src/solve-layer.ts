import type { Linear, Mask, Role, RoleStats, Select, Solver, SolverStats } from "@secateur/kit";
import { amountOf } from "./allocation.ts";
import { type Chooser, checkAsked, createChooser } from "./choose-columns.ts";
import { fixedMap, frozen, sumsOf, weightsOf } from "./given.ts";
import { checkMatrix, complain } from "./plugin-guard.ts";
import { fusedStats, mixtureOf } from "./pooled.ts";
import type { LayerContext } from "./prune-layer.ts";
import type { RoleScores } from "./role-scores.ts";

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
  const { plan, mixed, counts } = context;
  const { fuser } = plan.method;
  const pools = "pool" in fuser;
  const mixture = pools ? fusedStats(context, fuser, layer, stats, solver.needs) : mixtureOf(stats, plan.weights, mixed);
  // Where nothing reads data there are no roles, and a solver has one to ask for all the same.
  const roles = pools || stats.size === 0 ? new Map([[POOLED, mixture]]) : stats;
  const amount = plan.recipe.pattern ? 0 : amountOf(plan, counts, layer.name); // with a pattern nothing asks for it
  const chooser = createChooser(context, solver, layer, amount, pools ? undefined : fuser, stats);
  return solve(context, `scorer ${plan.recipe.scorer}`, solver, layer, { roles, mixture }, chooser);
}

/** Has a solver repair a layer whose mask (out, in) another scorer has chosen: whatever it asks for, the mask is the answer. */
export async function repairLayer(
  context: LayerContext,
  solver: Solver,
  layer: Linear,
  stats: ReadonlyMap<Role, RoleStats>,
  mask: Mask,
): Promise<Solved> {
  const { plan, mixed } = context;
  const mixture = mixtureOf(stats, plan.weights, mixed);
  const [rows, cols] = layer.weights.shape as readonly [number, number]; // a linear's weight is a matrix
  const choose: Chooser["choose"] = ({ width }, firstColumn) => {
    const part = new Uint8Array(rows * width);
    for (let i = 0; i < rows; i++) part.set(mask.subarray(i * cols + firstColumn, i * cols + firstColumn + width), i * width);
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
  const { pattern } = plan.recipe;
  const chosen = new Uint8Array(rows * cols);
  let columns = 0;
  const failures: unknown[] = [];
  function answer(scores: unknown, firstColumn: number): Mask {
    if (firstColumn !== columns) complain(who, layer, `asked for column ${firstColumn} after ${columns} columns`);
    const asked = checkAsked(who, layer, given.roles, scores);
    const { width } = asked;
    columns += width;
    if (columns > cols) complain(who, layer, `asked for ${columns} of ${cols} columns`);
    if (pattern && width % pattern.of !== 0) complain(who, layer, `asked for ${width} columns, wanted groups of ${pattern.of},`);
    const part = choose(asked, firstColumn);
    for (let i = 0; i < rows; i++) chosen.set(part.subarray(i * width, (i + 1) * width), i * cols + firstColumn);
    return part;
  }
  const select: Select = frozen({
    groupColumns: pattern?.of ?? 0,
    choose(scores, firstColumn) {
      try {
        return answer(scores, firstColumn);
      } catch (cause) {
        failures.push(cause);
        throw cause;
      }
    },
  });
  const stats = frozen({ roles: fixedMap(given.roles), mixture: given.mixture });
  const watched = [
    ...weightsOf(layer),
    ...[...given.roles].flatMap(([role, of]) => sumsOf(of, solver.needs, ` of role ${role}`)),
    ...sumsOf(given.mixture, solver.needs, " of the mixture"),
  ];
  const solution = await guard.wait(who, layer, watched, async () => {
    try {
      const made = await solver.solve(layer, stats, select, backend);
      if (failures.length === 0) return made;
    } catch (cause) {
      if (failures.length === 0) throw cause;
    }
    throw failures[0]; // whatever the solver has made of it, this is what went wrong first
  });
  const { weights: solved, mask, notes } = solution ?? {}; // whatever its type says, a plugin may give anything
  const weights = checkMatrix(who, layer, solved, "weight");
  if (columns !== cols) complain(who, layer, `asked for ${columns} of ${cols} columns`);
  if (mask?.length !== rows * cols) complain(who, layer, `gave a mask of ${mask?.length ?? 0} entries instead of ${rows * cols}`);
  for (let i = 0; i < chosen.length; i++) {
    if (mask[i] !== chosen[i]) complain(who, layer, `gave another mask than was chosen (entry ${i})`);
    if (chosen[i] === 0 && weights[i] !== 0) complain(who, layer, `left a weight that was pruned (entry ${i})`);
  }
  if (notes) checkNotes(who, layer, notes);
  const seen = roles();
  return { weights, ties: ties(), ...(seen && { roles: seen }), ...(notes && { notes }) };
}

function checkNotes(who: string, layer: Linear, notes: unknown): void {
  if (typeof notes !== "object" || notes === null) complain(who, layer, `gave ${notes} as notes`);
  const bad = Object.entries(notes).find(([, value]) => !Number.isFinite(value));
  if (bad) complain(who, layer, `gave the note ${bad[0]} ${bad[1]}, wanted a finite number,`);
}
