import { type FuseInput, GENERAL, type Partition, type Role } from "@secateur/kit";
import { type LevelKind, levels } from "./levels.ts";
import { allOwners, sharedExclusive } from "./partition.ts";

/** How roles are made comparable: options that every rule on scores has. */
export interface ScaleOptions {
  /** How a role's level is taken. */
  readonly level: LevelKind;
  /** The relative difference of levelled norms up to which a role owns a channel, 0 to 1. */
  readonly tau: number;
  /** How far an activation-free score may be scaled up or down, at least 1. */
  readonly kappa: number;
}

/** What brings roles to a common scale at one layer. */
export interface Scale {
  readonly partition: Partition;
  /** For each role what its scores are multiplied by, one factor a channel (cols). */
  readonly factors: ReadonlyMap<Role, Float64Array>;
}

/**
 * The partition of a layer's channels and the factors that make the roles' scores comparable. Scores of a loss's gradients are divided by the role's level over the
 * model and multiplied by that of the first role. Scores of degree d in the
 * activations are divided by the role's level ĝ^d and multiplied by that of the first role, so that the first role's stay as they are. Those of degree 0 are
 * the same for every role: on exclusive channels they get c = clamp(n̂/n̂_g, 1/κ, κ), elsewhere 1. Without a general role n̂_g is the weighted geometric mean
 * of the roles in which the channel is alive.
 */
export function commonScale(input: FuseInput, options: ScaleOptions): Scale {
  const { factors, partition } = layerScale(input, options);
  const [first, cols] = [input.firstColumn, input.shape[1]];
  if (first === 0 && partition.owners.length === cols) return { factors, partition };
  // Levels and groups are the whole layer's, whatever part of it is scored.
  const part = <Values extends Float64Array | Uint32Array>(values: Values): Values => values.slice(first, first + cols) as Values; // slice keeps the kind
  return {
    factors: new Map([...factors].map(([role, values]) => [role, part(values)])),
    partition: { ...partition, owners: part(partition.owners) },
  };
}

/** The scale of all of a layer's channels. */
function layerScale(input: FuseInput, options: ScaleOptions): Scale {
  const norms = new Map(input.roles.map((role) => [role, input.norms.get(role) as Float64Array]));
  const level = levels(norms, options.level);
  const levelled = new Map([...norms].map(([role, of]) => [role, of.map((norm) => norm / (level.get(role) as number))]));
  const partition = sharedExclusive(levelled, options.tau);
  if (input.degree === 0) return { partition, factors: activationFactors(input, levelled, partition, options.kappa) };
  const channels = partition.owners.length;
  const units = roleUnits(input, level);
  return { partition, factors: new Map(input.roles.map((role) => [role, new Float64Array(channels).fill(units.get(role) as number)])) };
}

/** What each role's scores, of a degree above 0, are multiplied by to stand on the first role's scale: by the levels of the model where there are, else by those of the layer. */
export function roleUnits({ roles, degree, levels: ofModel }: FuseInput, ofLayer: ReadonlyMap<Role, number>): ReadonlyMap<Role, number> {
  const [level, power] = ofModel ? [ofModel, 1] : [ofLayer, degree];
  const first = level.get(roles[0] as Role) as number;
  return new Map(roles.map((role) => [role, (first / (level.get(role) as number)) ** power]));
}

function activationFactors(
  input: FuseInput,
  levelled: ReadonlyMap<Role, Float64Array>,
  partition: Partition,
  kappa: number,
): ReadonlyMap<Role, Float64Array> {
  const reference = referenceOf(input);
  const all = allOwners(partition);
  const norms = [...levelled.values()];
  const factors = norms.map((of) => new Float64Array(of.length).fill(1));
  const here = new Float64Array(norms.length);
  for (const [channel, owners] of partition.owners.entries()) {
    if (owners === all) continue;
    for (let role = 0; role < here.length; role++) here[role] = norms[role]?.[channel] as number;
    const general = reference(here);
    for (const [role, of] of factors.entries()) of[channel] = activationFactor(here[role] as number, general, kappa);
  }
  return new Map([...levelled.keys()].map((role, i) => [role, factors[i] as Float64Array]));
}

/** c = clamp(n̂/n̂_g, 1/κ, κ): what stands for a role's activations in a score that has none. */
export function activationFactor(norm: number, general: number, kappa: number): number {
  return norm === general ? 1 : Math.min(kappa, Math.max(1 / kappa, norm / general)); // equal, and so 1, when both are dead
}

/** What gives n̂_g, of the roles' levelled norms at one place: that of the general role, or the weighted geometric mean of those that are above 0. */
export function referenceOf({ roles, weights }: Pick<FuseInput, "roles" | "weights">): (norms: Float64Array) => number {
  const general = roles.indexOf(GENERAL);
  if (general >= 0) return (norms) => norms[general] as number;
  const shares = roles.map((role) => weights.get(role) as number);
  return (norms) => {
    let logs = 0;
    let total = 0;
    for (const [i, norm] of norms.entries()) {
      if (norm <= 0) continue;
      logs += (shares[i] as number) * Math.log(norm);
      total += shares[i] as number;
    }
    return total > 0 ? Math.exp(logs / total) : 0;
  };
}
