import { join } from "node:path";
import { SecateurError } from "@secateur/kit";
import { type Folder, INDEX, readJson } from "./directory.ts";
import type { Entry } from "./header.ts";
import { isObject, type JsonObject } from "./json.ts";

/** The index of a model in several files: which of them holds each tensor. */
export interface ShardIndex {
  /** The file's whole content. */
  readonly content: JsonObject;
  readonly weightMap: ReadonlyMap<string, string>;
  /** The files that it names, in the order of their names. */
  readonly files: readonly string[];
}

/** Reads model.safetensors.index.json and checks that each file that it names is there. Throws SecateurError `format`, or `not-found` for a missing one. */
export async function readIndex(folder: Folder): Promise<ShardIndex> {
  const file = join(folder.source, INDEX);
  const content = await readJson(folder, INDEX);
  const map = content?.weight_map;
  if (content === undefined || !isObject(map)) {
    throw new SecateurError("format", `${file} has no weight_map, an object of tensor names and file names`, { where: { file } });
  }
  const weightMap = new Map<string, string>();
  for (const [tensor, shard] of Object.entries(map)) {
    const where = { file, tensor };
    if (typeof shard !== "string" || !isShardName(shard)) {
      const message = `${file}: tensor ${JSON.stringify(tensor)} is said to be in ${JSON.stringify(shard)}, wanted the name of a .safetensors file in the same folder`;
      throw new SecateurError("format", message, { where });
    }
    if (!folder.files.has(shard)) {
      const message = `${file}: tensor ${JSON.stringify(tensor)} is said to be in ${shard}, which is not in the folder`;
      throw new SecateurError("not-found", message, { where });
    }
    weightMap.set(tensor, shard);
  }
  return { content, weightMap, files: [...new Set(weightMap.values())].sort() };
}

/** Checks that the shards hold what the index says, no more and no less. Throws SecateurError `format`. */
export function checkIndex(index: ShardIndex, shards: ReadonlyMap<string, readonly Entry[]>, folder: Folder): void {
  const homes = new Map<string, string>();
  for (const [shard, entries] of shards) {
    const file = join(folder.source, shard);
    for (const { name } of entries) {
      const other = homes.get(name);
      if (other !== undefined) refuse(file, name, `is in ${other} too`);
      if (!index.weightMap.has(name)) refuse(file, name, `is not in the weight_map of ${INDEX}`);
      homes.set(name, shard);
    }
  }
  for (const [name, shard] of index.weightMap) {
    const home = homes.get(name);
    if (home !== shard) refuse(join(folder.source, shard), name, `is missing, though ${INDEX} says that it is here`);
  }
}

/** Only plain names: a path could lead out of the folder, where the model's copy would be written. */
function isShardName(name: string): boolean {
  return name.endsWith(".safetensors") && !/[/\\\0]/.test(name);
}

function refuse(file: string, tensor: string, what: string): never {
  throw new SecateurError("format", `${file}: tensor ${JSON.stringify(tensor)} ${what}`, { where: { file, tensor } });
}
