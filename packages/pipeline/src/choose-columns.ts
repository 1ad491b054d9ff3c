import { type Amount, maskPattern, maskUnstructured, pruneCount } from "@secateur/fusion";
import type { Linear, Mask, Role, RoleStats, Solver } from "@secateur/kit";
import { fuseScores, type ScoreFuser, sidesOf } from "./fuse-scores.ts";
import { checkNumbers, complain } from "./plugin-guard.ts";
import { observeRoles, type RoleScores, roleLevels } from "./role-scores.ts";
import type { ScoreContext } from "./scores.ts";

/** What a solver asks of some columns: each role's scores of them. */
export interface Asked {
  readonly scores: ReadonlyMap<Role, Float32Array>;
  /** How many columns. */
  readonly width: number;
}

/** What a solver asks. Throws SecateurError `plugin` where scores of a role are missing, not finite, or of another shape than the layer and other roles have. */
export function checkAsked(who: string, layer: Linear, roles: ReadonlyMap<Role, unknown>, given: unknown): Asked {
  if (!(given instanceof Map)) complain(who, layer, "asked with scores that are no Map");
  const tensors: ReadonlyMap<Role, { readonly shape?: unknown; readonly data?: unknown } | undefined> = given;
  const rows = layer.weights.shape[0] as number; // a linear's weight is a matrix
  const scores = new Map<Role, Float32Array>();
  let width = 0;
  for (const role of roles.keys()) {
    const { shape, data } = tensors.get(role) ?? complain(who, layer, `asked without scores of role ${role}`);
    const [height, columns]: readonly unknown[] = Array.isArray(shape) ? shape : [];
    if (scores.size === 0 && Number.isSafeInteger(columns)) width = columns as number;
    if (height !== rows || columns !== width || width < 1)
      complain(who, layer, `asked with scores of shape [${shape}] of role ${role}, wanted [${rows}, columns],`);
    checkNumbers(who, layer, data, rows * width, "score");
    scores.set(role, data);
  }
  return { scores, width };
}

/** What answers a solver's questions. */
export interface Chooser {
  choose(asked: Asked, firstColumn: number): Mask;
  ties(): number;
  /** How the roles' own scores lie beside each other, where there are several. */
  roles(): RoleScores | undefined;
}

/** Answers by fusion and by pattern, or by an amount that comes out exact over all columns. */
export function createChooser(
  context: ScoreContext,
  solver: Solver,
  layer: Linear,
  amount: Amount,
  fuser: ScoreFuser | undefined,
  stats: ReadonlyMap<Role, RoleStats>,
): Chooser {
  const { plan } = context;
  const { pattern } = plan.recipe;
  const { selection } = solver;
  const rows = layer.weights.shape[0] as number; // a linear's weight is a matrix
  const sides = fuser ? sidesOf(plan, stats) : { norms: new Map<Role, Float64Array>() };
  const degree = 1; // that of the scores of every solver
  const observer = observeRoles(rows, pattern, selection, roleLevels(sides, degree));
  let [columns, pruned, ties] = [0, 0, 0];

  function fused({ scores: byRole, width: cols }: Asked, firstColumn: number): Float32Array {
    const [only] = byRole.values() as Iterable<Float32Array> as [Float32Array]; // a solver is given a role
    if (!fuser || byRole.size === 1) return only;
    return fuseScores(context, fuser, layer, { byRole, cols, firstColumn, degree, selection }, sides).scores;
  }

  function choose(asked: Asked, firstColumn: number): Mask {
    const scores = fused(asked, firstColumn);
    const cols = asked.width;
    columns += cols;
    const part = pattern ? 0 : share(cols);
    if (asked.scores.size > 1) observer.add(asked.scores, cols, part);
    const result = pattern ? maskPattern(scores, rows, cols, pattern) : maskUnstructured(scores, rows, cols, part, selection);
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
