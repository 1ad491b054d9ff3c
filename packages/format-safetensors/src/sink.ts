import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { SecateurError, type WeightSink } from "@secateur/kit";
import { ioError } from "@secateur/kit/node";
import type { Tensor } from "@secateur/tensor";
import { sameDirectory } from "./directory.ts";
import { syncFolder } from "./io.ts";
import type { SafetensorsModel } from "./open.ts";
import { checkResume, planOutputs, refuseExisting, startOutputs } from "./output-files.ts";
import { copySideFiles } from "./side-files.ts";
import { createWriter } from "./writer.ts";

/**
 * Starts, or with `resume` continues, a copy of a model with other weights: files, names, order, shapes and dtypes are the source's. Each weight
 * file has its header and its full length from the start, so that tensors can be written in any order. Nothing stays open between calls: a
 * sink that is given up needs no closing. Throws SecateurError `exists`, `format` when what is there is not what an earlier run of this
 * work would have left, or `io`.
 */
export async function createSink(target: string, source: SafetensorsModel, resume?: ReadonlySet<string>): Promise<WeightSink> {
  const folder = resolve(target);
  if (await sameDirectory(folder, source.path)) {
    throw new SecateurError("exists", `${target}: it is the folder of the model itself, ${source.source}`, { where: { file: target } });
  }
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw ioError(error, "make the folder", target);
  });
  const outputs = planOutputs(folder, target, source);
  if (resume === undefined) await refuseExisting(outputs);
  else await checkResume(outputs, resume, target);
  await copySideFiles(source, folder, target, resume !== undefined);
  await startOutputs(outputs);
  await syncFolder(folder);

  const writer = createWriter(outputs, target, resume);
  let closed = false;
  const expectOpen = (): void => {
    if (closed) throw new SecateurError("io", `${target}: it has been closed`, { where: { file: target } });
  };

  return {
    async write(name: string, tensor: Tensor): Promise<void> {
      expectOpen();
      await writer.write(name, tensor);
    },
    async copy(name: string): Promise<void> {
      expectOpen();
      await writer.copy(name, () => source.pieces(name));
    },
    async readBack(name: string): Promise<Tensor> {
      expectOpen();
      return writer.readBack(name);
    },
    async flush(): Promise<void> {
      expectOpen();
      await writer.flush();
    },
    async close(): Promise<void> {
      if (closed) return;
      await writer.finish();
      await syncFolder(folder);
      closed = true;
    },
  };
}
