import { inspect } from "node:util";

/**
 * Throws an Error when what a README states is not so. Numbers with decimals are compared to as many of them as are stated; typed arrays stand for arrays, and maps
 * for objects.
 */
export function expectResult(found: unknown, stated: unknown, line: number): void {
  if (same(found, stated)) return;
  throw new Error(`line ${line} of the README states ${show(stated)}, but it is ${show(found)}`);
}

function same(found: unknown, stated: unknown): boolean {
  if (typeof stated === "number" && typeof found === "number") return Object.is(roundedLike(found, stated), stated);
  if (typeof stated !== "object" || stated === null) return Object.is(found, stated);
  const [here, there] = [plain(found), plain(stated)];
  if (typeof here !== "object" || here === null || Array.isArray(here) !== Array.isArray(there)) return false;
  const keys = Object.keys(there);
  return keys.length === Object.keys(here).length && keys.every((key) => key in here && same(here[key], there[key]));
}

function roundedLike(found: number, stated: number): number {
  const decimals = String(stated).split(".")[1]?.length ?? 0;
  return decimals === 0 || decimals > 15 ? found : Number(found.toFixed(decimals));
}

/** As arrays and plain objects, one level deep. */
function plain(value: unknown): Record<string, unknown> {
  if (ArrayBuffer.isView(value)) return Array.from(value as Float32Array) as never; // indexed by number either way
  if (value instanceof Map) return Object.fromEntries(value);
  return value as Record<string, unknown>;
}

function show(value: unknown): string {
  return inspect(value, { depth: 6, breakLength: Number.POSITIVE_INFINITY });
}
