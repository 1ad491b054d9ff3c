import { applyMask, countZeros, maskPattern, maskUnstructured, partitionShares } from "@secateur/fusion";
import { type Backend, type FuseInput, inputRms, type Linear, type Role, type RoleStats, SecateurError } from "@secateur/kit";
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
  const { weights } = plan;
  const roles = [...weights.keys()];
  if (roles.length === 0) return { scores: await score(plan, layer, NOTHING, backend) };
  if ("pool" in fuser) return { scores: await score(plan, layer, fuser.pool(stats, weights), backend) };

  const byRole = new Map<Role, Float32Array>();
  const activationFree = scorer.needs.length === 0;
  for (const role of roles) {
    const known = activationFree ? byRole.values().next().value : undefined;
    byRole.set(role, known ?? (await score(plan, layer, stats.get(role) as RoleStats, backend)));
  }
  const norms = new Map(roles.map((role) => [role, fuser.needs.length > 0 ? inputRms(stats.get(role) as RoleStats) : new Float64Array(0)]));
  const shape = layer.weights.shape as readonly [number, number]; // a linear's weight is a matrix
  const input: FuseInput = { roles, weights, shape, scores: byRole, norms, activationFree, selection: scorer.selection };
  const who = `fusion ${plan.recipe.fusion}`;
  const fused = await guarded(who, layer, () => fuser.fuse(input));
  const scores: Float32Array | undefined = fused?.scores; // whatever its type says, a plugin may give anything
  checkScores(who, layer, scores);
  return fused.partition ? { scores, channels: partitionShares(fused.partition) } : { scores };
}

const NOTHING: RoleStats = {
  get: (need) => {
    throw new SecateurError("unsupported", `the statistic ${need.id} was not collected: the scorer does not list it among its needs`);
  },
};

async function score(plan: Plan, layer: Linear, stats: RoleStats, backend: Backend): Promise<Float32Array> {
  const who = `scorer ${plan.recipe.scorer}`;
  const before = layer.weights.data.slice();
  const result = await guarded(who, layer, () => plan.scorer.score(layer, stats, backend));
  const { shape = [], data } = result ?? {};
  if (data && String(shape) !== String(layer.weights.shape))
    complain(who, layer, `gave scores of shape [${shape.join(", ")}] instead of [${layer.weights.shape.join(", ")}]`);
  checkScores(who, layer, data);
  for (let i = 0; i < before.length; i++) {
    if (layer.weights.data[i] !== before[i]) complain(who, layer, "changed the weights that it was given");
  }
  return data;
}

/** Runs a plugin's code: an error in it names the plugin and the layer. */
async function guarded<T>(who: string, layer: Linear, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    if (cause instanceof SecateurError) throw cause;
    const message = `${who} failed on ${layer.name}: ${cause instanceof Error ? cause.message : cause}`;
    throw new SecateurError("plugin", message, { where: { tensor: layer.name }, cause });
  }
}

function checkScores(who: string, layer: Linear, scores: Float32Array | undefined): asserts scores is Float32Array {
  const wanted = layer.weights.data.length;
  if (!scores) return complain(who, layer, "gave no scores");
  if (scores.length !== wanted) complain(who, layer, `gave ${scores.length} scores instead of ${wanted}`);
  for (let i = 0; i < wanted; i++) {
    if (!Number.isFinite(scores[i])) complain(who, layer, `gave a score of ${scores[i]} (entry ${i})`);
  }
}

function complain(who: string, { name }: Linear, what: string): never {
  throw new SecateurError("plugin", `${who} ${what} for ${name}`, { where: { tensor: name } });
}
