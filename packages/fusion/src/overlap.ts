import { type Mask, SecateurError } from "@secateur/kit";

/** How many weights two masks keep: both of them, and at least one. */
export interface Overlap {
  readonly both: number;
  readonly either: number;
}

/** How far two masks of the same weights (1 = kept) keep the same. Throws SecateurError `internal` for masks of different sizes. */
export function overlapOf(one: Mask, other: Mask): Overlap {
  if (one.length !== other.length)
    throw new SecateurError("internal", `a mask of ${one.length} weights stands beside one of ${other.length}`);
  let [both, either] = [0, 0];
  for (let k = 0; k < one.length; k++) {
    both += (one[k] as number) & (other[k] as number);
    either += (one[k] as number) | (other[k] as number);
  }
  return { both, either };
}

/** The Jaccard index of two sets of kept weights, |A ∩ B| / |A ∪ B|: 1 where they are the same, also where both are empty. */
export function jaccard({ both, either }: Overlap): number {
  return either === 0 ? 1 : both / either;
}
