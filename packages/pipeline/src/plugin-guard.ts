import { type Linear, SecateurError } from "@secateur/kit";

/** Runs a plugin's code: an error in it names the plugin and the layer. */
export async function guarded<T>(who: string, layer: Linear, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    if (cause instanceof SecateurError) throw cause;
    const message = `${who} failed on ${layer.name}: ${cause instanceof Error ? cause.message : cause}`;
    throw new SecateurError("plugin", message, { where: { tensor: layer.name }, cause });
  }
}

/** As `guarded`, for code that is given the layer's weights, which it must not change. */
export async function guardedOnWeights<T>(who: string, layer: Linear, run: () => Promise<T>): Promise<T> {
  const before = layer.weights.data.slice();
  const result = await guarded(who, layer, run);
  for (let i = 0; i < before.length; i++) {
    if (layer.weights.data[i] !== before[i]) complain(who, layer, "changed the weights that it was given");
  }
  return result;
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
  for (let i = 0; i < wanted; i++) {
    if (!Number.isFinite(values[i])) complain(who, layer, `gave a ${what} of ${values[i]} (entry ${i})`);
  }
}

/** Throws SecateurError `plugin`: what a plugin did wrong, at which layer. */
export function complain(who: string, { name }: Linear, what: string): never {
  throw new SecateurError("plugin", `${who} ${what} for ${name}`, { where: { tensor: name } });
}
