import { type Linear, SecateurError } from "@secateur/kit";
import { bytesOf, firstNotFinite } from "@secateur/tensor";

/** Runs a plugin's code: an error in it names the plugin and the layer, if it is at one. */
export async function guarded<T>(who: string, layer: Linear | undefined, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    if (cause instanceof SecateurError) throw cause;
    const message = `${who} failed${layer ? ` on ${layer.name}` : ""}: ${cause instanceof Error ? cause.message : cause}`;
    throw new SecateurError("plugin", message, { ...whereOf(layer), cause });
  }
}

/** As `guarded`, for code that is given the layer's weights, which it must not change. One layer at a time. */
export type WeightGuard = <T>(who: string, layer: Linear, run: () => Promise<T>) => Promise<T>;

/** A guard for one run: it keeps the memory that it copies weights to. */
export function createWeightGuard(): WeightGuard {
  let spare = Buffer.alloc(0);
  return async (who, layer, run) => {
    const weights = bytesOf(layer.weights);
    if (spare.length < weights.length) spare = Buffer.allocUnsafeSlow(weights.length);
    const before = spare.subarray(0, weights.length);
    before.set(weights);
    const result = await guarded(who, layer, run);
    // The system compares bytes many times faster than a loop does numbers.
    if (!before.equals(weights)) complain(who, layer, "changed the weights that it was given");
    return result;
  };
}

/** Refuses what is not `wanted` finite numbers; `what` names them, such as `scores`. */
export function checkNumbers(
  who: string,
  layer: Linear,
  values: Float32Array | undefined,
  wanted: number,
  what: string,
): asserts values is Float32Array {
  if (!values) return complain(who, layer, `gave no ${what}s`);
  if (!(values instanceof Float32Array)) complain(who, layer, `gave ${what}s that are no Float32Array`);
  if (values.length !== wanted) complain(who, layer, `gave ${values.length} ${what}s instead of ${wanted}`);
  const bad = firstNotFinite(values);
  if (bad >= 0) complain(who, layer, `gave a ${what} of ${values[bad]} (entry ${bad})`);
}

/** Throws SecateurError `plugin`: what a plugin did wrong, and at which layer, if it was at one. */
export function complain(who: string, layer: Linear | undefined, what: string): never {
  throw new SecateurError("plugin", `${who} ${what}${layer ? ` for ${layer.name}` : ""}`, whereOf(layer));
}

function whereOf(layer: Linear | undefined): { readonly where?: { readonly tensor: string } } {
  return layer ? { where: { tensor: layer.name } } : {};
}
