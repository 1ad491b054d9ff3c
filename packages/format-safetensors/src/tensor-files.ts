import { rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { SecateurError, type TensorFiles } from "@secateur/kit";
import { encodeHeader } from "./header.ts";
import { errorCode, ioError, syncFolder } from "./io.ts";
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
    const refuseExisting = async (): Promise<void> => {
      if (!force && (await isThere(target))) throw new SecateurError("exists", `${path} exists already`, { where: { file: path } });
    };
    await refuseExisting();
    const named = [...tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
    const { bytes: headerBytes, header } = encodeHeader(named, metadata, path);
    const bytes = header.dataStart + (header.tensors.at(-1)?.end ?? 0);
    const output: OutputFile = { path: `${target}.partial`, label: path, headerBytes, header, bytes };
    const discard = (): Promise<void> => rm(output.path, { force: true });
    await discard(); // what a killed run has left is of no use: the sums come anew
    await startOutputs([output]);
    const writer = createWriter([output], path);
    return {
      write: (name, tensor) => writer.write(name, tensor),
      async close() {
        await writer.finish();
        await refuseExisting(); // something may have come there in the meantime
        await rename(output.path, target).catch((error: unknown) => {
          throw ioError(error, "write", path);
        });
        await syncFolder(dirname(target));
      },
      discard,
    };
  },
};
