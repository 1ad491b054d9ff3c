import { resolve } from "node:path";
import { type Role, SecateurError, type TensorFiles, throwIfCancelled } from "@secateur/kit";
import { createStatistics, type Entry, type Layout, type OpenStatistics, openStatistics, type Sums } from "./file.ts";
import { orderRoles, type Shard, type StatisticsHeader } from "./header.ts";

/** How a merge is carried out. */
export interface MergeOptions {
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  /** Called with the share of the work that is done, 0 to 1. */
  readonly onProgress?: (share: number) => void;
}

/**
 * Merges statistics files of one model into one: roles that several have are added, shard by shard, and the others are carried over. The order of the files does
 * not matter beyond rounding. Throws SecateurError `usage` for what are no files to merge, `input` for files that do not go together, `exists`, `io`.
 */
export async function mergeStatistics(
  files: TensorFiles,
  inputs: readonly string[],
  out: string,
  options: MergeOptions = {},
): Promise<StatisticsHeader> {
  if (inputs.length < 2)
    throw new SecateurError("usage", `${inputs.length === 1 ? "one file was" : "no files were"} given, wanted two or more to merge`);
  const twice = inputs.find((path) => resolve(path) === resolve(out));
  if (twice !== undefined)
    throw new SecateurError("usage", `${out} is one of the files to merge: give another name`, { where: { file: out } });
  const opened: OpenStatistics[] = [];
  try {
    for (const path of inputs) opened.push(await openStatistics(files, path));
    const header = mergeHeaders(opened);
    const layout = mergeLayouts(opened);
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

function mergeHeaders(opened: readonly OpenStatistics[]): StatisticsHeader {
  const [first, ...others] = opened as [OpenStatistics, ...OpenStatistics[]]; // two or more
  for (const other of others) checkSame(first, other);
  const roles = new Map<Role, { readonly shard: Shard; readonly path: string }[]>();
  for (const { path, header } of opened) {
    for (const { role, shards } of header.roles) roles.set(role, [...(roles.get(role) ?? []), ...shards.map((shard) => ({ shard, path }))]);
  }
  for (const [role, found] of roles) checkShards(role, found);
  const merged = [...roles].map(([role, found]) => ({
    role,
    shards: found.map(({ shard }) => shard).sort((a, b) => (a.hash < b.hash ? -1 : 1)),
  }));
  return { ...first.header, roles: orderRoles(merged) };
}

function checkSame({ path, header: a }: OpenStatistics, { path: other, header: b }: OpenStatistics): void {
  const differ: [what: string, found: unknown, wanted: unknown][] = [
    ["model", b.model.hash, a.model.hash],
    ["tokenizer", b.tokenizer, a.tokenizer],
    ["precision", b.backend.precision, a.backend.precision],
    ["set of statistics", b.needs.join(" and "), a.needs.join(" and ")],
    ["set of layers", JSON.stringify(sorted(b.layers)), JSON.stringify(sorted(a.layers))],
  ];
  for (const [what, found, wanted] of differ) {
    if (found === wanted) continue;
    const detail = what === "set of layers" ? "" : `: ${found ?? "none"} against ${wanted ?? "none"}`;
    throw new SecateurError("input", `${other} was collected with another ${what} than ${path}${detail}`, { where: { file: other } });
  }
}

function sorted(layers: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(layers).sort(([a], [b]) => (a < b ? -1 : 1));
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
    const [reading, wanted] = [JSON.stringify(shard.reading), JSON.stringify(first?.shard.reading)];
    if (reading !== wanted) {
      const message = `${path} reads role ${role} otherwise than ${first?.path}: ${reading} against ${wanted}`;
      throw new SecateurError("input", message, { where: { file: path } });
    }
  }
}

/** Every entry of any file once: roles in their order, layers as the first file that has the role has them. */
function mergeLayouts(opened: readonly OpenStatistics[]): Layout {
  const entries = new Map<string, Layout[number]>();
  for (const { path, layout } of opened) {
    for (const one of layout) {
      const key = JSON.stringify(one.entry);
      const known = entries.get(key);
      if (known && JSON.stringify(known.shapes) !== JSON.stringify(one.shapes)) {
        const { tensor } = one.entry;
        throw new SecateurError("input", `${path} has sums of other shapes at ${tensor}`, { where: { file: path, tensor } });
      }
      if (!known) entries.set(key, one);
    }
  }
  return [...entries.values()];
}

/** The sums of an entry over all files that have its role. */
async function sumOver(opened: readonly OpenStatistics[], entry: Entry): Promise<Sums> {
  const total: Record<string, Float64Array> = {};
  for (const one of opened) {
    if (!one.header.roles.some(({ role }) => role === entry.role)) continue;
    for (const [name, values] of Object.entries(await one.read(entry))) {
      const sum = total[name];
      if (!sum) total[name] = values;
      else for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (values[i] as number);
    }
  }
  return total;
}
