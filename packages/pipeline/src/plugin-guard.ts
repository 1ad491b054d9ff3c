import { type Linear, SecateurError } from "@secateur/kit";
import { firstNotFinite } from "@secateur/tensor";
import { createWatcher, type Given } from "./given.ts";
import type { Section } from "./targets.ts";

/** Where a plugin is at work: at a layer, at a section, or before there are any. */
export type Place = Pick<Linear, "name"> | Pick<Section, "label"> | undefined;

/** Runs plugins' code, several at once or one within another. An error in it names the plugin and the place, and so does the one for numbers that it was given and has changed. */
export interface PluginGuard {
  run<T>(who: string, place: Place, given: Given, run: () => T): T;
  wait<T>(who: string, place: Place, given: Given, run: () => Promise<T>): Promise<T>;
}

/** A guard for one run: it keeps the memory that it copies numbers to. */
export function createPluginGuard(): PluginGuard {
  const watch = createWatcher();
  return {
    run(who, place, given, run) {
      const watched = watch(given);
      try {
        const result = runPlugin(who, place, run);
        refuseChange(who, place, watched.changed());
        return result;
      } finally {
        watched.end();
      }
    },
    async wait(who, place, given, run) {
      const watched = watch(given);
      try {
        const result = await run();
        refuseChange(who, place, watched.changed());
        return result;
      } catch (cause) {
        throw failure(who, place, cause);
      } finally {
        watched.end();
      }
    },
  };
}

/** Runs a plugin's code that answers at once and is given no numbers. */
export function runPlugin<T>(who: string, place: Place, run: () => T): T {
  try {
    const result = run();
    if (result instanceof Promise) {
      result.catch(() => {}); // that it is one is told, and ends the run
      complain(who, place, "gave a promise of its answer, wanted the answer,");
    }
    return result;
  } catch (cause) {
    throw failure(who, place, cause);
  }
}

function refuseChange(who: string, place: Place, changed: string | undefined): void {
  if (changed !== undefined) complain(who, place, `changed the ${changed} that it was given`);
}

function failure(who: string, place: Place, cause: unknown): SecateurError {
  if (cause instanceof SecateurError) return cause;
  const message = `${who} failed${place ? ` on ${nameOf(place)}` : ""}: ${cause instanceof Error ? cause.message : String(cause)}`;
  return new SecateurError("plugin", message, { ...whereOf(place), cause });
}

/** Refuses what is not `wanted` finite numbers; `what` names one of them, such as `score`. */
export function checkNumbers(who: string, place: Place, values: unknown, wanted: number, what: string): asserts values is Float32Array {
  if (!values) complain(who, place, `gave no ${what}s`);
  if (!(values instanceof Float32Array)) complain(who, place, `gave ${what}s that are no Float32Array`);
  if (values.length !== wanted) complain(who, place, `gave ${values.length} ${what}s instead of ${wanted}`);
  const bad = firstNotFinite(values);
  if (bad >= 0) complain(who, place, `gave a ${what} of ${values[bad]} (entry ${bad})`);
}

/** As `checkNumbers`, for a matrix of a layer's shape. */
export function checkMatrix(who: string, layer: Linear, matrix: unknown, what: string): Float32Array {
  const { shape, data } = (matrix ?? {}) as { readonly shape?: unknown; readonly data?: unknown }; // whatever its type says, a plugin may give anything
  const wanted = layer.weights.shape.join(", ");
  if (data && !(Array.isArray(shape) && shape.join(", ") === wanted))
    complain(who, layer, `gave ${what}s of shape [${Array.isArray(shape) ? shape.join(", ") : shape}] instead of [${wanted}]`);
  checkNumbers(who, layer, data, layer.weights.data.length, what);
  return data;
}

/** Throws SecateurError `plugin`: what a plugin did wrong, and where. */
export function complain(who: string, place: Place, what: string): never {
  throw new SecateurError("plugin", `${who} ${what}${place ? ` for ${nameOf(place)}` : ""}`, whereOf(place));
}

function nameOf(place: NonNullable<Place>): string {
  return "name" in place ? place.name : place.label;
}

function whereOf(place: Place): { readonly where?: { readonly tensor: string } } {
  return place && "name" in place ? { where: { tensor: place.name } } : {};
}
