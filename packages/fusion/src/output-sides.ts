import { type FuseInput, GENERAL, type Role, SecateurError } from "@secateur/kit";
import { levelled, levels } from "./levels.ts";
import { allOwners, ownersOf } from "./partition.ts";
import { ownerShares } from "./rules.ts";
import { activationFactor, referenceOf, roleUnits, type ScaleOptions } from "./scale.ts";

/**
 * The rule `shared-exclusive` with owners by the outputs of a layer, or by both of its sides: a role's share in the weight from input j to output i is the levelled RMS
 * of the loss's gradient at i, times, for both, the levelled norm of j. Scores of degree 0 get the factor c of such shares where the weight is not shared. Throws SecateurError `unsupported` where no gradients are given.
 */
export function fuseByOutputs(
  input: FuseInput,
  sides: "outputs" | "both",
  { boost, tau, level, kappa }: ScaleOptions & { readonly boost: number },
): Float32Array {
  const { roles, shape, scores, firstColumn, gradients } = input;
  if (!gradients) throw new SecateurError("unsupported", `a partition by ${sides} reads the loss's gradients, and there are none here`);
  const [rows, cols] = shape;
  const inOrder = (of: ReadonlyMap<Role, Float64Array>): Map<Role, Float64Array> =>
    new Map(roles.map((role) => [role, of.get(role) as Float64Array]));
  const norms = inOrder(input.norms);
  const units = roleUnits(input, levels(norms, level));
  const outputs = [...levelled(inOrder(gradients), level).values()]; // by role, (rows)
  const inputs = [...levelled(norms, level).values()]; // by role, (channels)
  const sharesOf = ownerShares(input, roles, boost, GENERAL);
  const terms = roles.map((role) => ({ scores: scores.get(role) as Float32Array, unit: units.get(role) as number }));
  const fused = new Float32Array(rows * cols);
  const here = new Float64Array(roles.length);
  const all = allOwners({ roles, owners: new Uint32Array(0) });
  const reference = referenceOf(input);
  let shares: readonly number[] = [];
  let general: number | undefined;
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++, at++) {
      // By outputs alone the weights of a row have the same owners.
      if (sides === "both" || j === 0) {
        for (let r = 0; r < here.length; r++) {
          here[r] = (outputs[r]?.[i] as number) * (sides === "both" ? (inputs[r]?.[firstColumn + j] as number) : 1);
        }
        const owners = ownersOf(here, tau);
        shares = sharesOf(owners);
        general = input.degree === 0 && owners !== all ? reference(here) : undefined;
      }
      let sum = 0;
      for (let r = 0; r < terms.length; r++) {
        const { scores: of, unit } = terms[r] as (typeof terms)[number];
        const factor = general === undefined ? unit : activationFactor(here[r] as number, general, kappa);
        sum += factor * (shares[r] as number) * (of[at] as number);
      }
      fused[at] = sum;
    }
  }
  return fused;
}
