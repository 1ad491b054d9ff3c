import type { FileHandle } from "node:fs/promises";
import { type ErrorCode, SecateurError } from "@secateur/kit";
import { bytesOf, sizeOf, type Tensor } from "@secateur/tensor";
import type { Entry } from "./header.ts";
import { withFile, writeAt } from "./io.ts";
import type { OutputFile } from "./output-files.ts";
import { readTensor } from "./weight-file.ts";

/** Fills files that have their header and full length already, tensor by tensor in any order, each once. Nothing stays open between calls. */
export interface Writer {
  write(name: string, tensor: Tensor): Promise<void>;
  /** Writes a tensor in pieces. */
  copy(name: string, pieces: () => AsyncIterable<Uint8Array>): Promise<void>;
  /** A tensor that has been written. */
  readBack(name: string): Promise<Tensor>;
  /** Puts on disk what has been written. */
  flush(): Promise<void>;
  /** Flushes, and throws SecateurError `internal` when a tensor was never written. */
  finish(): Promise<void>;
}

/** A writer of some files, which messages about all of them call `target`; the tensors of `resume` have been written before. */
export function createWriter(outputs: readonly OutputFile[], target: string, resume?: ReadonlySet<string>): Writer {
  const places = new Map(outputs.flatMap((output) => output.header.tensors.map((entry) => [entry.name, { output, entry }] as const)));
  const taken = new Set(resume); // begun, so that no tensor is written twice at once
  const written = new Set(resume);
  const unflushed = new Set<OutputFile>();

  return {
    async write(name, tensor) {
      const { output, entry } = place(name);
      checkTensor(output, entry, tensor);
      await writePieces(output, entry, [bytesOf(tensor)]);
    },
    async copy(name, pieces) {
      const { output, entry } = place(name);
      await writePieces(output, entry, pieces());
    },
    async readBack(name) {
      const { output, entry } = place(name);
      if (!written.has(name)) fail("internal", output.label, "not written yet", name);
      return withFile(output.path, "r", "read", output.label, (handle) => readTensor({ ...output, handle }, entry), name);
    },
    flush: flushAll,
    async finish() {
      const missing = [...places.keys()].filter((name) => !written.has(name));
      const [first] = missing;
      if (first !== undefined) fail("internal", target, `never written, as ${missing.length} of ${places.size} tensors`, first);
      await flushAll();
    },
  };

  function place(name: string): { readonly output: OutputFile; readonly entry: Entry } {
    return places.get(name) ?? fail("internal", target, "not one of those laid out", name);
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
