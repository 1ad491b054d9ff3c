import { type FuseInput, GENERAL, type Partition, type Role, SecateurError } from "@secateur/kit";
import { fuseByOutputs } from "./output-sides.ts";
import { ownerFactors, weightedSum } from "./rules.ts";
import { commonScale, type ScaleOptions } from "./scale.ts";

/** Options of the rule `shared-exclusive`. */
export interface SharedExclusiveOptions extends ScaleOptions {
  /** By what part the score of a channel is raised that only tasks own, at least 0. */
  readonly boost: number;
  /** Whose differences part the weights: the norms of a layer's input channels, the gradients at its outputs, or both together; the inputs when left out. */
  readonly partition?: "inputs" | "outputs" | "both";
}

/** The rule `shared-exclusive` as a function: the fused scores, on the scale of the first role's, and the groups of input channels where these part the weights. */
export function fuseSharedExclusive(
  input: FuseInput,
  options: SharedExclusiveOptions & { readonly partition?: "inputs" },
): { readonly scores: Float32Array; readonly partition: Partition };
export function fuseSharedExclusive(
  input: FuseInput,
  options: SharedExclusiveOptions,
): { readonly scores: Float32Array; readonly partition?: Partition };
export function fuseSharedExclusive(
  input: FuseInput,
  options: SharedExclusiveOptions,
): { readonly scores: Float32Array; readonly partition?: Partition } {
  checkInput(input);
  const { partition: sides = "inputs" } = options;
  if (sides !== "inputs") return { scores: fuseByOutputs(input, sides, options) };
  const { factors, partition } = commonScale(input, options);
  return { scores: weightedSum(input, ownerFactors(input, factors, partition, options.boost, GENERAL)), partition };
}

/** Throws SecateurError `internal` for a role whose scores, norms or weight do not fit the matrix. */
export function checkInput({ roles, weights, shape: [rows, cols], scores, norms, firstColumn }: FuseInput): void {
  const channels = norms.get(roles[0] as Role)?.length ?? 0;
  const fits = (role: Role): boolean =>
    scores.get(role)?.length === rows * cols &&
    norms.get(role)?.length === channels &&
    channels >= firstColumn + cols &&
    (weights.get(role) ?? 0) > 0;
  const bad = roles.find((role) => !fits(role));
  if (bad !== undefined) {
    throw new SecateurError(
      "internal",
      `role ${bad} has ${scores.get(bad)?.length} scores, ${norms.get(bad)?.length} norms and the weight ${weights.get(bad)}, wanted ${rows} × ${cols} scores, ${cols} norms and a weight above 0`,
    );
  }
}
