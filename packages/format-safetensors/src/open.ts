import { join } from "node:path";
import { type OpenModel, SecateurError, type TensorInfo } from "@secateur/kit";
import type { Tensor } from "@secateur/tensor";
import {
  type Folder,
  INDEX,
  isPickled,
  listFolder,
  readConfig,
  readGenerationConfig,
  readTokenizer,
  SINGLE,
  sideFiles,
} from "./directory.ts";
import { hashModel } from "./hash.ts";
import type { Entry } from "./header.ts";
import { checkIndex, readIndex, type ShardIndex } from "./index-file.ts";
import { openWeightFile, readPieces, readRows, readTensor, type WeightFile } from "./weight-file.ts";

/** A model opened from a folder of safetensors files, with what a copy of it needs besides the contract. */
export interface SafetensorsModel extends OpenModel {
  readonly format: "safetensors";
  /** The folder's absolute path. */
  readonly path: string;
  /** Each weight file's tensors, in the order of their data, and its `__metadata__`. */
  readonly shards: ReadonlyMap<string, { readonly tensors: readonly Entry[]; readonly metadata: Readonly<Record<string, string>> }>;
  /** The index of a model in several files. */
  readonly index: ShardIndex | undefined;
  /** A tensor's bytes from first to last in pieces, each valid until the next. Throws as `read` does. */
  pieces(name: string): AsyncIterable<Uint8Array>;
}

/** Opens a model's folder and checks every header. Reads no weights. Throws SecateurError `not-found`, `format`, `unsupported` or `io`. */
export async function openModel(source: string): Promise<SafetensorsModel> {
  const folder = await listFolder(source);
  const config = await readConfig(folder);
  const index = await findWeights(folder);
  const generationConfig = await readGenerationConfig(folder);
  const tokenizer = await readTokenizer(folder);
  const opened = await openShards(folder, index);

  const tensors = new Map<string, TensorInfo>();
  const places = new Map<string, { readonly file: WeightFile; readonly entry: Entry }>();
  for (const [name, file] of opened) {
    for (const entry of file.header.tensors) {
      tensors.set(entry.name, { name: entry.name, dtype: entry.dtype, shape: entry.shape, file: name });
      places.set(entry.name, { file, entry });
    }
  }
  let closed = false;
  let hash: Promise<string> | undefined;

  function place(name: string): { readonly file: WeightFile; readonly entry: Entry } {
    if (closed) throw new SecateurError("io", `${source} has been closed`, { where: { file: source } });
    const found = places.get(name);
    if (found === undefined)
      throw new SecateurError("not-found", `${source} has no tensor ${JSON.stringify(name)}`, { where: { file: source, tensor: name } });
    return found;
  }

  function pieces(name: string): AsyncIterable<Uint8Array> {
    const { file, entry } = place(name);
    return readPieces(file, entry);
  }

  return {
    source,
    format: "safetensors",
    path: folder.path,
    config,
    generationConfig,
    tokenizer,
    tensors,
    files: sideFiles(folder),
    shards: new Map([...opened].map(([name, file]) => [name, file.header])),
    index,
    pieces,
    async read(name: string): Promise<Tensor> {
      const { file, entry } = place(name);
      return readTensor(file, entry);
    },
    async readRows(name: string, rows: Iterable<number>): Promise<Tensor> {
      const { file, entry } = place(name);
      return readRows(file, entry, [...rows]);
    },
    async hash(): Promise<string> {
      if (closed) throw new SecateurError("io", `${source} has been closed`, { where: { file: source } });
      hash ??= hashModel(config, tensors.values(), pieces).catch((error: unknown) => {
        hash = undefined; // a read that failed once may succeed later
        throw error;
      });
      return hash;
    },
    async close(): Promise<void> {
      if (closed) return;
      closed = true;
      await closeAll(opened.values());
    },
  };
}

/** The index of a model in several files, undefined for one in a single file. As elsewhere, a single file goes before an index. */
async function findWeights(folder: Folder): Promise<ShardIndex | undefined> {
  if (folder.files.has(SINGLE)) return undefined;
  if (folder.files.has(INDEX)) return readIndex(folder);
  const where = { file: folder.source };
  const pickled = folder.ignored.find(isPickled);
  if (pickled !== undefined) {
    const message = `${folder.source} has its weights as ${pickled}, which can run code when it is read: save the model as safetensors first`;
    throw new SecateurError("unsupported", message, { where });
  }
  throw new SecateurError("not-found", `${folder.source} has no weights: neither ${SINGLE} nor ${INDEX} is there`, { where });
}

async function openShards(folder: Folder, index: ShardIndex | undefined): Promise<ReadonlyMap<string, WeightFile>> {
  const opened = new Map<string, WeightFile>();
  try {
    for (const name of index?.files ?? [SINGLE]) {
      opened.set(name, await openWeightFile(join(folder.path, name), join(folder.source, name)));
    }
    if (index !== undefined) checkIndex(index, new Map([...opened].map(([name, file]) => [name, file.header.tensors])), folder);
    return opened;
  } catch (error) {
    await closeAll(opened.values());
    throw error;
  }
}

async function closeAll(files: Iterable<WeightFile>): Promise<void> {
  for (const file of files) await file.handle.close();
}
