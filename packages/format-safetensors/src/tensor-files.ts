import { lstat, rename, rm, statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { SecateurError, type TensorFiles } from "@secateur/kit";
import { errorCode, ioError } from "@secateur/kit/node";
import { encodeHeader } from "./header.ts";
import { syncFolder, unfinishedName } from "./io.ts";
import { isThere, type OutputFile, startOutputs } from "./output-files.ts";
import { openWeightFile, readTensor } from "./weight-file.ts";
import { createWriter } from "./writer.ts";

/** Single safetensors files, such as statistics; an unfinished one is called like it with `.partial` after. */
export const safetensorsFiles: TensorFiles = {
  name: "safetensors",
  async open(path) {
    const file = await openWeightFile(resolve(path), path).catch((error: unknown) => {
      const absent = error instanceof SecateurError && errorCode(error.cause) === "ENOENT";
      throw absent ? new SecateurError("not-found", `there is no file ${path}`, { where: { file: path }, cause: error }) : error;
    });
    const entries = new Map(file.header.tensors.map((entry) => [entry.name, entry]));
    return {
      path,
      metadata: file.header.metadata,
      tensors: entries,
      async read(name) {
        const entry = entries.get(name);
        if (entry) return readTensor(file, entry);
        throw new SecateurError("not-found", `${path} has no tensor ${JSON.stringify(name)}`, { where: { file: path, tensor: name } });
      },
      close: () => file.handle.close(),
    };
  },

  async create(path, tensors, metadata, { force = false } = {}) {
    const target = resolve(path);
    await refuseExisting(target, path, force);
    const named = [...tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
    const { bytes: headerBytes, header } = encodeHeader(named, metadata, path);
    const bytes = header.dataStart + (header.tensors.at(-1)?.end ?? 0);
    const output: OutputFile = { path: `${target}.partial`, label: path, headerBytes, header, bytes };
    await remove(output); // what a killed run has left is of no use: the sums come anew
    await checkSpace(target, path, bytes);
    await startOutputs([output]).catch(async (error: unknown) => {
      await remove(output);
      throw error;
    });
    const writer = createWriter([output], path);
    return {
      write: (name, tensor) => writer.write(name, tensor),
      async close() {
        await writer.finish();
        await refuseExisting(target, path, force); // something may have come there in the meantime
        await rename(output.path, target).catch((error: unknown) => {
          throw ioError(error, "write", path);
        });
        await syncFolder(dirname(target));
      },
      discard: () => remove(output),
    };
  },
};

/** A folder is not replaced by a file, not even with `force`. */
async function refuseExisting(target: string, path: string, force: boolean): Promise<void> {
  if (!(await isThere(target))) return;
  const isFolder = await lstat(target).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!force || isFolder)
    throw new SecateurError("exists", `${path} exists already${isFolder ? " and is a folder" : ""}`, { where: { file: path } });
}

/** A file is laid out at its full length without taking the space, so that a full disk would show only after the work. */
async function checkSpace(target: string, path: string, bytes: number): Promise<void> {
  const disk = await statfs(dirname(target)).catch(() => undefined);
  const free = disk && disk.bavail * disk.bsize;
  if (free === undefined || free >= bytes) return;
  throw new SecateurError("io", `${path} needs ${bytes} bytes, the disk there has ${free} free`, { where: { file: path } });
}

async function remove({ path, label }: OutputFile): Promise<void> {
  for (const name of [path, unfinishedName(path)]) {
    await rm(name, { force: true }).catch((error: unknown) => {
      throw ioError(error, "remove what is unfinished of", label);
    });
  }
}
