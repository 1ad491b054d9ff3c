import {
  type Backend,
  degreeOf,
  inputRms,
  type Linear,
  outputGradient,
  type Role,
  type RoleStats,
  type Scorer,
  SecateurError,
} from "@secateur/kit";
import type { OpenStatistics } from "@secateur/statistics";
import { readsGradients } from "./dense-pass.ts";
import { fuseScores, type Shares, sharesOf, sidesOf } from "./fuse-scores.ts";
import { sumsOf, weightsOf } from "./given.ts";
import type { Plan } from "./plan.ts";
import { checkMatrix, type PluginGuard } from "./plugin-guard.ts";
import { fusedStats, type Pooler } from "./pooled.ts";
import { readsNorms, roleLevels } from "./role-scores.ts";

/** What scoring a layer works with, beside the layer. */
export interface ScoreContext {
  readonly plan: Plan;
  readonly backend: Backend;
  /** What the fusion has pooled. */
  readonly fused: Pooler;
  /** What is mixed by the roles' weights alone. */
  readonly mixed: Pooler;
  readonly guard: PluginGuard;
  /** Statistics of the dense model, where scores are of them. */
  readonly dense: DenseScores | undefined;
}

/** Statistics of the dense model, and each role's level where scores are of the loss. */
export interface DenseScores {
  readonly statistics: OpenStatistics;
  readonly levels: ReadonlyMap<Role, number> | undefined;
}

/** Opens what scores of the dense model read: each role's level is √Σg² over all outputs of the layers that are pruned, by tokens, whatever more a file holds. Throws SecateurError `numeric` for a role without any gradient. */
export async function denseScores(plan: Plan, statistics: OpenStatistics): Promise<DenseScores> {
  const { scoreNeeds, rankingNeeds } = plan.method;
  if (!readsGradients([...scoreNeeds, ...rankingNeeds])) return { statistics, levels: undefined };
  const levels = new Map<Role, number>();
  for (const role of plan.weights.keys()) {
    let energy = 0;
    for (const { tensor } of plan.sections.flatMap(({ linears }) => linears)) {
      const { squares, weight } = await statistics.read({ role, tensor, need: outputGradient.id });
      const tokens = weight?.[0] ?? 0;
      for (const square of squares ?? []) energy += square / tokens;
    }
    if (!(energy > 0 && energy < Number.POSITIVE_INFINITY))
      throw new SecateurError("numeric", `the gradients of role ${role} have the energy ${energy}: there is nothing to score by`, {
        where: { file: statistics.path },
      });
    levels.set(role, Math.sqrt(energy));
  }
  return { statistics, levels };
}

/** Each role's statistics of a layer of the dense model. */
export async function loadDense(
  { plan }: ScoreContext,
  { statistics }: DenseScores,
  tensor: string,
  scorer: Scorer,
): Promise<Map<Role, RoleStats>> {
  const { method } = plan;
  const needs = scorer === method.ranking?.scorer ? method.rankingNeeds : method.scoreNeeds;
  const stats = new Map<Role, RoleStats>();
  for (const role of plan.weights.keys()) stats.set(role, await statistics.load(tensor, role, needs));
  return stats;
}

/**
 * One matrix of scores (out, in) of a layer, from every role's, and how many channels each role owns, where the fusion parts them, or pools the roles and their norms
 * are known. `onRoles` is shown the scores of the roles, with their levels, where they differ: what each would choose alone is told of a fusion that pools too.
 */
export async function fusedScores(
  context: ScoreContext,
  scorer: Scorer,
  layer: Linear,
  stats: ReadonlyMap<Role, RoleStats>,
  onRoles?: (scores: ReadonlyMap<Role, Float32Array>, levels: ReadonlyMap<Role, number>) => void,
): Promise<{ scores: Float32Array; channels?: Shares }> {
  const { plan } = context;
  const { weights } = plan;
  const { fuser } = plan.method;
  const roles = [...weights.keys()];
  if (roles.length === 0) return { scores: await score(context, scorer, layer, NOTHING) };
  const levels = readsGradients(scorer.needs) ? context.dense?.levels : undefined;
  const degree = degreeOf(scorer);
  const tell = "pool" in fuser && roles.length > 1 && readsNorms(scorer) ? onRoles : undefined;
  if ("pool" in fuser && !levels) {
    const scores = await score(context, scorer, layer, fusedStats(context, fuser, layer, stats, scorer.needs));
    if (!tell) return { scores };
    tell(await scoresByRole(), roleLevels({ norms: normsByRole() }, degree));
    return { scores, channels: sharesOf(normsByRole()) };
  }

  const byRole = await scoresByRole();
  const cols = layer.weights.shape[1] as number; // a linear's weight is a matrix
  const fuse = fuser.fuse?.bind(fuser);
  if (!fuse) throw new SecateurError("internal", `fusion ${plan.recipe.fusion} cannot fuse scores`); // refused by the plan
  const scores = { byRole, cols, firstColumn: 0, degree, selection: scorer.selection };
  const sides = { ...sidesOf(plan, stats), ...(levels && { levels }) };
  if (degree > 0) onRoles?.(byRole, roleLevels(sides, degree));
  const fused = fuseScores(context, { fuse }, layer, scores, sides);
  return tell ? { channels: sharesOf(normsByRole()), ...fused } : fused;

  async function scoresByRole(): Promise<Map<Role, Float32Array>> {
    const found = new Map<Role, Float32Array>();
    for (const role of roles) {
      const known = degree === 0 ? found.values().next().value : undefined;
      found.set(role, known ?? (await score(context, scorer, layer, stats.get(role) ?? NOTHING)));
    }
    return found;
  }

  /** Of a scorer that reads them. */
  function normsByRole(): Map<Role, Float64Array> {
    return new Map(roles.map((role) => [role, inputRms(stats.get(role) as RoleStats)]));
  }
}

const NOTHING: RoleStats = {
  get: (need) => {
    throw new SecateurError("unsupported", `the statistic ${need.id} was not collected: the scorer does not list it among its needs`);
  },
};

async function score({ plan, backend, guard }: ScoreContext, scorer: Scorer, layer: Linear, stats: RoleStats): Promise<Float32Array> {
  const who = scorer === plan.method.scorer ? `scorer ${plan.recipe.scorer}` : `allocator ${plan.recipe.allocate}`;
  const given = [...weightsOf(layer), ...sumsOf(stats, scorer.needs)];
  const scores = await guard.wait(who, layer, given, () => scorer.score(layer, stats, backend));
  return checkMatrix(who, layer, scores, "score");
}
