import { type Partition, type Role, SecateurError } from "@secateur/kit";

/** Relative differences below this are rounding: roles that differ only in scale have levelled norms that differ by about 1e-15. */
const ROUNDING = 1e-9;

/** The relative difference of norms up to which a role owns a channel, where nothing else is said. */
export const DEFAULT_TAU: number = 0.1;

/**
 * Parts a layer's input channels by the relative difference of their levelled norms n̂ (cols): with m the largest role's, a role owns the channel
 * when (m − n̂)/(m + n̂) ≤ τ. A channel that all own, also one dead in all, is shared; others are exclusive to their owners.
 * Throws SecateurError `unsupported` for more than 32 roles.
 */
export function sharedExclusive(levelled: ReadonlyMap<Role, Float64Array>, tau: number): Partition {
  const roles = [...levelled.keys()];
  if (roles.length > 32) throw new SecateurError("unsupported", `${roles.length} roles were given, a partition takes at most 32`);
  const norms = [...levelled.values()];
  const owners = new Uint32Array(norms[0]?.length ?? 0); // bit i: role i owns the channel
  const here = new Float64Array(norms.length);
  for (let channel = 0; channel < owners.length; channel++) {
    for (let role = 0; role < norms.length; role++) here[role] = norms[role]?.[channel] as number;
    owners[channel] = ownersOf(here, tau);
  }
  return { roles, owners };
}

/** Which roles own what these are the levelled norms of, one a role: bit i is role i. */
export function ownersOf(norms: Float64Array, tau: number): number {
  let most = 0;
  for (let role = 0; role < norms.length; role++) most = Math.max(most, norms[role] as number);
  let owners = 0;
  for (let role = 0; role < norms.length; role++) {
    const norm = norms[role] as number;
    if (most - norm <= (tau + ROUNDING) * (most + norm)) owners |= 1 << role;
  }
  return owners >>> 0;
}

/** The owners of a channel that every role of a partition owns. */
export function allOwners(partition: Partition): number {
  return 2 ** partition.roles.length - 1;
}

/** How many channels are shared, and of the others how many each role owns; one that several roles own counts for each of them. */
export function partitionShares(partition: Partition): { readonly shared: number; readonly exclusive: Readonly<Record<Role, number>> } {
  const all = allOwners(partition);
  const exclusive: Record<Role, number> = Object.fromEntries(partition.roles.map((role) => [role, 0]));
  let shared = 0;
  for (const owners of partition.owners) {
    if (owners === all) shared++;
    else {
      partition.roles.forEach((role, i) => {
        if ((owners >>> i) & 1) exclusive[role] = (exclusive[role] as number) + 1;
      });
    }
  }
  return { shared, exclusive };
}
