import { realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type Role, SecateurError, type TensorFiles, throwIfCancelled } from "@secateur/kit";
import { createStatistics, type OpenStatistics, openStatistics, type Sums } from "./file.ts";
import { orderRoles, type Shard, type StatisticsHeader } from "./header.ts";
import { type Entry, keyOf, type Layout, type SumShapes } from "./layout.ts";

/** How a merge is carried out. */
export interface MergeOptions {
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  /** Called with the share of the work that is done, 0 to 1. */
  readonly onProgress?: (share: number) => void;
}

/**
 * Merges statistics files of one model into one: roles that several have are added, shard by shard, and the others are carried over. The order of the files does
 * not matter, their grouping into several merges only by rounding; the sums of one statistic at one layer are in memory at a time. Throws SecateurError `usage`
 * for what are no files to merge, `input` for files that do not go together, `numeric` for sums that are too large, `exists`, `io`, `cancelled`.
 */
export async function mergeStatistics(
  files: TensorFiles,
  inputs: readonly string[],
  out: string,
  options: MergeOptions = {},
): Promise<StatisticsHeader> {
  await checkPaths(inputs, out);
  const opened: OpenStatistics[] = [];
  try {
    for (const path of inputs) opened.push(await openStatistics(files, path));
    checkTogether(opened);
    opened.sort((a, b) => (shardsOf(a) < shardsOf(b) ? -1 : 1)); // sums in one order, whatever the files' is
    const header = mergeHeaders(opened);
    const layout = mergeLayouts(opened, header);
    const sink = await createStatistics(files, out, header, layout, options.force ? { force: true } : {});
    try {
      for (const [i, { entry }] of layout.entries()) {
        throwIfCancelled(options.signal);
        await sink.write(entry, await sumOver(opened, entry));
        options.onProgress?.((i + 1) / layout.length);
      }
      await sink.close();
    } catch (error) {
      await sink.discard();
      throw error;
    }
    return header;
  } finally {
    for (const one of opened) await one.close();
  }
}

/** Throws SecateurError `usage` for less than two files, for one that is given twice, and for an output that would take the place of one. */
async function checkPaths(inputs: readonly string[], out: string): Promise<void> {
  if (inputs.length < 2)
    throw new SecateurError("usage", `${inputs.length === 1 ? "one file was" : "no files were"} given, wanted two or more to merge`);
  const target = await placeOf(out);
  const seen = new Set<string>();
  for (const path of inputs) {
    const file = await realpath(path).catch(() => resolve(path)); // what is not there is an error of opening it
    if (target === file || target === (await placeOf(path)))
      throw new SecateurError("usage", `${out} is one of the files to merge: give another name`, { where: { file: out } });
    if (seen.has(file)) throw new SecateurError("usage", `${path} is given twice`, { where: { file: path } });
    seen.add(file);
  }
}

/** Where a name stands, links of its folder followed: a file that is renamed to it takes the place of a link there. */
async function placeOf(path: string): Promise<string> {
  const full = resolve(path);
  return join(await realpath(dirname(full)).catch(() => dirname(full)), basename(full));
}

/** Throws SecateurError `input` for files that do not go together. */
function checkTogether(opened: readonly OpenStatistics[]): void {
  const [first, ...others] = opened as [OpenStatistics, ...OpenStatistics[]]; // two or more
  for (const other of others) checkSame(first, other);
  const roles = new Map<Role, { readonly shard: Shard; readonly path: string }[]>();
  for (const { path, header } of opened) {
    for (const { role, shards } of header.roles) roles.set(role, [...(roles.get(role) ?? []), ...shards.map((shard) => ({ shard, path }))]);
  }
  for (const [role, found] of roles) checkShards(role, found);
}

function checkSame({ path, header: a }: OpenStatistics, { path: other, header: b }: OpenStatistics): void {
  const differ: [what: string, found: string | undefined, wanted: string | undefined][] = [
    ["model", b.model.hash, a.model.hash],
    ["tokenizer", b.tokenizer, a.tokenizer],
    ["precision", b.backend.precision, a.backend.precision],
    ["set of statistics", b.needs.toSorted().join(" and "), a.needs.toSorted().join(" and ")],
  ];
  for (const [what, found, wanted] of differ) {
    if (found !== wanted) throw another(other, `${what} than ${path}: ${found ?? "none"} against ${wanted ?? "none"}`);
  }
  for (const layer of new Set([...Object.keys(a.layers), ...Object.keys(b.layers)])) {
    const [found, wanted] = [b, a].map(({ layers }) => (Object.hasOwn(layers, layer) ? layers[layer] : undefined));
    if (found === wanted) continue;
    const shared = (head: string | undefined): string => (head === undefined ? "not there" : head === layer ? "there" : `that of ${head}`);
    throw another(other, `set of layers than ${path}: ${layer} is ${shared(found)} against ${shared(wanted)}`);
  }
}

function another(path: string, what: string): SecateurError {
  return new SecateurError("input", `${path} was collected with another ${what}`, { where: { file: path } });
}

function checkShards(role: Role, found: readonly { readonly shard: Shard; readonly path: string }[]): void {
  const [first] = found;
  const homes = new Map<string, string>();
  for (const { shard, path } of found) {
    const home = homes.get(shard.hash);
    if (home !== undefined) {
      const from = shard.sources.join(", ");
      throw new SecateurError("input", `${path} and ${home} hold the same data of role ${role} (from ${from}): it would count twice`, {
        where: { file: path },
      });
    }
    homes.set(shard.hash, path);
    const [reading, wanted] = [shard.reading, first?.shard.reading].map(readingText);
    if (reading !== wanted) {
      const message = `${path} reads role ${role} otherwise than ${first?.path}: ${reading} against ${wanted}`;
      throw new SecateurError("input", message, { where: { file: path } });
    }
  }
}

/** How rows were read, as text that does not depend on the order of the fields. */
function readingText(reading: Shard["reading"] | undefined): string {
  const fields = reading?.fields && Object.fromEntries(sortedBy(Object.entries(reading.fields), ([name]) => name));
  return JSON.stringify({ ...reading, ...(fields && { fields }) });
}

/** A text that no other file that goes with this one has: it names its data. */
function shardsOf({ header }: OpenStatistics): string {
  return JSON.stringify(header.roles.map(({ role, shards }) => [role, ...shards.map(({ hash }) => hash)]));
}

function mergeHeaders(opened: readonly OpenStatistics[]): StatisticsHeader {
  const [first] = opened as readonly [OpenStatistics, ...OpenStatistics[]]; // two or more
  const roles = new Map<Role, Shard[]>();
  for (const { header } of opened) {
    for (const { role, shards } of header.roles) roles.set(role, [...(roles.get(role) ?? []), ...shards]);
  }
  const merged = [...roles].map(([role, shards]) => ({ role, shards: sortedBy(shards, ({ hash }) => hash) }));
  return { ...first.header, roles: orderRoles(merged) };
}

/** Every entry of any file once: roles in the header's order, layers as the first file that has the role has them. */
function mergeLayouts(opened: readonly OpenStatistics[], { roles }: StatisticsHeader): Layout {
  const entries = new Map<string, Layout[number]>();
  for (const { path, layout } of opened) {
    for (const one of layout) {
      const key = keyOf(one.entry);
      const known = entries.get(key);
      if (known && shapesText(known.shapes) !== shapesText(one.shapes)) {
        const { tensor } = one.entry;
        throw new SecateurError("input", `${path} has sums of other shapes at ${tensor}`, { where: { file: path, tensor } });
      }
      if (!known) entries.set(key, one);
    }
  }
  const all = [...entries.values()];
  return roles.flatMap(({ role }) => all.filter(({ entry }) => entry.role === role));
}

function shapesText(shapes: SumShapes): string {
  return JSON.stringify(sortedBy(Object.entries(shapes), ([name]) => name));
}

function sortedBy<Item>(items: readonly Item[], key: (item: Item) => string): Item[] {
  return items.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** The sums of an entry over all files that have its role. */
async function sumOver(opened: readonly OpenStatistics[], entry: Entry): Promise<Sums> {
  const total = new Map<string, Float64Array>();
  for (const one of opened) {
    if (!one.header.roles.some(({ role }) => role === entry.role)) continue;
    for (const [name, values] of Object.entries(await one.read(entry))) {
      const sum = total.get(name);
      if (!sum) total.set(name, values);
      else for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (values[i] as number);
    }
  }
  return Object.fromEntries(total);
}
