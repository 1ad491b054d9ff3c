import { type FileHandle, mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { type ErrorCode, SecateurError, type WeightSink } from "@secateur/kit";
import { bytesOf, sizeOf, type Tensor } from "@secateur/tensor";
import { sameDirectory } from "./directory.ts";
import type { Entry } from "./header.ts";
import { ioError, syncFolder, withFile, writeAt } from "./io.ts";
import type { SafetensorsModel } from "./open.ts";
import { checkResume, type OutputFile, planOutputs, refuseExisting, startOutputs } from "./output-files.ts";
import { copySideFiles } from "./side-files.ts";
import { readTensor } from "./weight-file.ts";

/**
 * Starts, or with `resume` continues, a copy of a model with other weights: files, names, order, shapes and dtypes are the source's. Each weight
 * file has its header and its full length from the start, so that tensors can be written in any order. Nothing stays open between calls: a
 * sink that is given up needs no closing. Throws SecateurError `exists`, `format` when what is there is not what an earlier run of this
 * work would have left, or `io`.
 */
export async function createSink(target: string, source: SafetensorsModel, resume?: ReadonlySet<string>): Promise<WeightSink> {
  const folder = resolve(target);
  if (await sameDirectory(folder, source.path)) fail("exists", target, `it is the folder of the model itself, ${source.source}`);
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw ioError(error, "make the folder", target);
  });
  const outputs = planOutputs(folder, target, source);
  if (resume === undefined) await refuseExisting(outputs);
  else await checkResume(outputs, resume, target);
  await copySideFiles(source, folder, target, resume !== undefined);
  await startOutputs(outputs);
  await syncFolder(folder);

  const places = new Map(outputs.flatMap((output) => output.header.tensors.map((entry) => [entry.name, { output, entry }] as const)));
  const taken = new Set(resume); // begun, so that no tensor is written twice at once
  const written = new Set(resume);
  const unflushed = new Set<OutputFile>();
  let closed = false;

  return {
    async write(name: string, tensor: Tensor): Promise<void> {
      const { output, entry } = place(name);
      checkTensor(output, entry, tensor);
      await writePieces(output, entry, [bytesOf(tensor)]);
    },

    async copy(name: string): Promise<void> {
      const { output, entry } = place(name);
      await writePieces(output, entry, source.pieces(name));
    },

    async readBack(name: string): Promise<Tensor> {
      const { output, entry } = place(name);
      if (!written.has(name)) fail("internal", output.label, "not written yet", name);
      return withFile(output.path, "r", "read", output.label, (handle) => readTensor({ ...output, handle }, entry), name);
    },

    async flush(): Promise<void> {
      if (closed) fail("io", target, "it has been closed");
      await flushAll();
    },

    async close(): Promise<void> {
      if (closed) return;
      const missing = [...places.keys()].filter((name) => !written.has(name));
      const [first] = missing;
      if (first !== undefined) fail("internal", target, `never written, as ${missing.length} of ${places.size} tensors`, first);
      await flushAll();
      await syncFolder(folder);
      closed = true;
    },
  };

  function place(name: string): { readonly output: OutputFile; readonly entry: Entry } {
    if (closed) fail("io", target, "it has been closed");
    return places.get(name) ?? fail("internal", target, "not one of the model's", name);
  }

  async function writePieces(output: OutputFile, entry: Entry, pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    const { name } = entry;
    if (taken.has(name)) fail("internal", output.label, "written twice", name);
    taken.add(name);
    const write = async (handle: FileHandle): Promise<void> => {
      let position = output.header.dataStart + entry.begin;
      for await (const piece of pieces) {
        await writeAt(handle, piece, position);
        position += piece.length;
      }
    };
    await withFile(output.path, "r+", "write", output.label, write, name).catch((error: unknown) => {
      taken.delete(name); // it may be written once there is space again
      throw error;
    });
    written.add(name);
    unflushed.add(output);
  }

  async function flushAll(): Promise<void> {
    for (const output of [...unflushed]) {
      unflushed.delete(output); // before the flush, so that a write during it counts for the next
      // A descriptor of its own will do: what is flushed is the file.
      await withFile(output.path, "r+", "flush", output.label, (handle) => handle.sync()).catch((error: unknown) => {
        unflushed.add(output);
        throw error;
      });
    }
  }
}

function checkTensor(output: OutputFile, entry: Entry, tensor: Tensor): void {
  const wanted = `${entry.dtype} of shape [${entry.shape.join(", ")}]`;
  const found = `${tensor.dtype} of shape [${tensor.shape.join(", ")}]`;
  if (found !== wanted) fail("internal", output.label, `it came as ${found}, wanted ${wanted}`, entry.name);
  const elements = sizeOf(entry.shape);
  if (tensor.data.length !== elements) {
    fail("internal", output.label, `it came with ${tensor.data.length} elements, wanted ${elements}`, entry.name);
  }
}

function fail(code: ErrorCode, file: string, what: string, tensor?: string): never {
  const subject = tensor === undefined ? "" : ` tensor ${JSON.stringify(tensor)}:`;
  throw new SecateurError(code, `${file}:${subject} ${what}`, { where: tensor === undefined ? { file } : { file, tensor } });
}
