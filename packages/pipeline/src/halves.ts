import { SecateurError } from "@secateur/kit";
import { hashOf, type RoleData } from "./data.ts";

/**
 * A role's data in two halves of as many sequences, every other one each, so that both have all of its data's parts; the last of an odd number is left out. What
 * was counted while it was read is the first half's.
 * Throws SecateurError `data` for a single sequence.
 */
export function halvesOf(role: RoleData): readonly [RoleData, RoleData] {
  if (role.count < 2)
    throw new SecateurError(
      "data",
      `role ${role.role} (${role.sources.join(", ")}) gives one sequence, and a comparison wants two or more, one for each half: give more data, or a smaller --seq-len`,
      { where: { file: role.sources[0] as string } }, // a role that is read has a source
    );
  const half = (which: number): RoleData => {
    const sequences = role.sequences.slice(0, role.count - (role.count % 2)).filter((_, i) => i % 2 === which);
    const tokens = sequences.reduce((sum, { ids }) => sum + ids.length, 0);
    return { ...role, sequences, count: sequences.length, tokens, hash: hashOf(sequences) };
  };
  const none = { rows: 0, empty: 0, duplicates: 0, truncated: 0, specialTokens: 0 };
  return [half(0), { ...half(1), counts: none, warnings: [] }];
}
