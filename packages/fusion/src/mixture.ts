import { gram, inputNorm, inputRms, type Need, type Role, type RoleStats, SecateurError } from "@secateur/kit";
import { levels } from "./levels.ts";

/**
 * The statistics of all roles' tokens together: every sum of a need is Σ_r w_r·sum_r/T_r, T_r the need's own `weight`, and the pooled `weight` is 1.
 * With token shares as weights that is calibrating on the concatenated data. A role without tokens here adds nothing.
 * With `normalize` each role's activations are first divided by its level (relative to the first role's).
 * Throws SecateurError `unsupported` for a need without `weight`, and with `normalize` for one other than `inputNorm` and `gram`.
 */
export function poolStats(stats: ReadonlyMap<Role, RoleStats>, weights: ReadonlyMap<Role, number>, normalize: boolean): RoleStats {
  const known = new Map<string, Readonly<Record<string, Float64Array>>>();
  return {
    get(need) {
      const before = known.get(need.id);
      if (before) return before;
      const scales = normalize ? relativeLevels(stats) : undefined;
      const pooled: Record<string, Float64Array> = {};
      for (const [role, of] of stats) {
        const sums = of.get(need);
        const tokens = sums.weight?.[0];
        if (tokens === undefined) throw new SecateurError("unsupported", `the statistic ${need.id} has no sum \`weight\` to pool it by`);
        for (const [name, values] of Object.entries(sums)) {
          const total = pooled[name] ?? new Float64Array(values.length);
          pooled[name] = total;
          const scale = scales ? (scales.get(role) as number) ** -degreeOf(need, name) : 1;
          if (tokens > 0) addTo(total, values, (scale * (weights.get(role) as number)) / tokens);
        }
      }
      const result = { ...pooled, weight: Float64Array.of(1) };
      known.set(need.id, result); // a Gram matrix is large, and more than one reader asks for it
      return result;
    },
  };
}

function addTo(total: Float64Array, values: Float64Array, factor: number): void {
  for (let i = 0; i < total.length; i++) total[i] = (total[i] as number) + factor * (values[i] as number);
}

/** In which power of the activations a sum grows. */
function degreeOf(need: Need, sum: string): number {
  const degree = { [inputNorm.id]: { squares: 2, sums: 1, weight: 0 }, [gram.id]: { gram: 2, weight: 0 } }[need.id] as
    | Readonly<Record<string, number>>
    | undefined;
  if (degree?.[sum] === undefined) {
    throw new SecateurError(
      "unsupported",
      `the statistic ${need.id} cannot be normalised: how it grows with the activations is known for inputNorm and gram only`,
    );
  }
  return degree[sum];
}

function relativeLevels(stats: ReadonlyMap<Role, RoleStats>): ReadonlyMap<Role, number> {
  const level = levels(new Map([...stats].map(([role, of]) => [role, inputRms(of)])));
  const [first] = level.values();
  return new Map([...level].map(([role, value]) => [role, value / (first as number)]));
}
