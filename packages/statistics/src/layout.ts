import { type OpenTensorFile, type Role, SecateurError } from "@secateur/kit";
import { sizeOf } from "@secateur/tensor";
import type { StatisticsHeader } from "./header.ts";

/** One statistic of one layer, or of the layers that read the same. */
export interface Entry {
  readonly role: Role;
  /** The layer's tensor; for a statistic of inputs, the one that the layers share it under (`StatisticsHeader.layers`). */
  readonly tensor: string;
  /** The statistic's id. */
  readonly need: string;
}

/** The shapes of a statistic's sums by name. */
export type SumShapes = Readonly<Record<string, readonly number[]>>;

/** What a file will hold: each entry's sums with their shapes. */
export type Layout = readonly { readonly entry: Entry; readonly shapes: SumShapes }[];

/** The numbers that a layout's file holds. */
export function layoutSize(layout: Layout): number {
  return layout.reduce((sum, { shapes }) => sum + Object.values(shapes).reduce((size, shape) => size + sizeOf(shape), 0), 0);
}

/** The start of the names that an entry's sums have in a file. */
export function keyOf({ role, tensor, need }: Entry): string {
  return [role, tensor, need].map(escapeSlash).join("/");
}

/** The name that one sum of an entry has in a file: `ROLE/LAYER/STATISTIC/SUM`, with `%2F` for a slash within one of them and `%25` for a percent sign. */
export function nameOf(entry: Entry, sum: string): string {
  return `${keyOf(entry)}/${escapeSlash(sum)}`;
}

/** The entries of a file from the names of its tensors. Throws SecateurError `format` for one that is none. */
export function readLayout({ path, tensors }: OpenTensorFile): Layout {
  const entries = new Map<string, { readonly entry: Entry; readonly shapes: Map<string, readonly number[]> }>();
  for (const [name, { dtype, shape }] of tensors) {
    const parts = name.split("/").map(unescapeSlash);
    if (dtype !== "F64" || parts.length !== 4 || parts.map(escapeSlash).join("/") !== name) {
      throw new SecateurError("format", `${path}: ${name} is ${dtype}, wanted ROLE/LAYER/STATISTIC/SUM as F64`, {
        where: { file: path, tensor: name },
      });
    }
    const [role, tensor, need, sum] = parts as [string, string, string, string]; // four, as just checked
    const entry = { role, tensor, need };
    const known = entries.get(keyOf(entry));
    if (known) known.shapes.set(sum, shape);
    else entries.set(keyOf(entry), { entry, shapes: new Map([[sum, shape]]) });
  }
  return [...entries.values()].map(({ entry, shapes }) => ({ entry, shapes: Object.fromEntries(shapes) }));
}

/**
 * What a layout has that its header does not say, or lacks, and the tensor that it is about; nothing when the two agree. Every role has every statistic at each layer, or at
 * each layer that others share it with, with sums of the same names.
 */
export function layoutFault(layout: Layout, { roles, needs, layers }: StatisticsHeader): { what: string; tensor: string } | undefined {
  const known = new Set(roles.map(({ role }) => role));
  const shared = Object.values(layers);
  const places = new Map<string, Set<string>>(); // of each statistic of each role
  const sums = new Map<string, string>();
  for (const { entry, shapes } of layout) {
    const { role, tensor, need } = entry;
    if (!known.has(role) || !needs.includes(need) || !Object.hasOwn(layers, tensor))
      return { what: `${keyOf(entry)}, which is of no role, layer or statistic of its header`, tensor };
    const names = Object.keys(shapes).sort().join(", ");
    const usual = sums.get(need) ?? names;
    if (names !== usual) return { what: `${keyOf(entry)} with the sums ${names}, elsewhere they are ${usual}`, tensor };
    sums.set(need, usual);
    const of = JSON.stringify([role, need]);
    const there = places.get(of) ?? new Set();
    places.set(of, there.add(tensor));
  }
  const heads = new Set(shared);
  for (const role of known) {
    for (const need of needs) {
      const there = places.get(JSON.stringify([role, need])) ?? new Set();
      const own = [...there].some((tensor) => !heads.has(tensor)); // a statistic of outputs: each layer has its own
      const absent = (own ? Object.keys(layers) : shared).find((tensor) => !there.has(tensor));
      if (absent !== undefined) return { what: `no statistic ${need} of role ${role} at ${absent}`, tensor: absent };
    }
  }
  return undefined;
}

function escapeSlash(part: string): string {
  return part.replaceAll("%", "%25").replaceAll("/", "%2F");
}

function unescapeSlash(part: string): string {
  return part.replaceAll("%2F", "/").replaceAll("%25", "%");
}
