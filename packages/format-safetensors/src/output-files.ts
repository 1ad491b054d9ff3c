import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { SecateurError } from "@secateur/kit";
import { encodeHeader, type Header } from "./header.ts";
import { placeFile, readAt, withFile, writeAt } from "./io.ts";
import type { SafetensorsModel } from "./open.ts";

/** A weight file to write: its size and every tensor's place in it are known before the first one comes. */
export interface OutputFile {
  readonly path: string;
  /** How messages name it. */
  readonly label: string;
  /** The file's first bytes, up to its data. */
  readonly headerBytes: Uint8Array;
  readonly header: Header;
  /** The file's length. */
  readonly bytes: number;
}

/** The weight files of a copy of a model: the source's names, order, shapes and dtypes; `__metadata__` says that the tensors are as PyTorch keeps them. */
export function planOutputs(folder: string, target: string, source: SafetensorsModel): readonly OutputFile[] {
  return [...source.shards].map(([name, { tensors, metadata }]) => {
    const label = join(target, name);
    const { bytes: headerBytes, header } = encodeHeader(tensors, { ...metadata, format: "pt" }, label);
    return { path: join(folder, name), label, headerBytes, header, bytes: header.dataStart + (header.tensors.at(-1)?.end ?? 0) };
  });
}

/** Makes the files that are not there, each with its header and at its full length. */
export async function startOutputs(outputs: readonly OutputFile[]): Promise<void> {
  for (const output of outputs) {
    if (await isThere(output.path)) continue;
    await placeFile(output.path, output.label, async (handle) => {
      await writeAt(handle, output.headerBytes, 0);
      await handle.truncate(output.bytes);
    });
  }
}

/** Throws SecateurError `exists` when one of the files is there. */
export async function refuseExisting(outputs: readonly OutputFile[]): Promise<void> {
  for (const { path, label } of outputs) {
    if (await isThere(path)) throw new SecateurError("exists", `${label} exists already`, { where: { file: label } });
  }
}

/** Throws SecateurError `format` unless the files are as an interrupted run that had written the tensors of `resume` leaves them. */
export async function checkResume(outputs: readonly OutputFile[], resume: ReadonlySet<string>, target: string): Promise<void> {
  const homes = new Map(outputs.flatMap((output) => output.header.tensors.map(({ name }) => [name, output] as const)));
  for (const name of resume) {
    const output = homes.get(name);
    if (output === undefined) return refuse(target, `tensor ${JSON.stringify(name)}, said to be written, is not one of the model's`);
    if (!(await isThere(output.path))) {
      refuse(output.label, `the file is missing, though tensor ${JSON.stringify(name)} is said to be written there`);
    }
  }
  for (const output of outputs) {
    if (!(await isThere(output.path))) continue;
    await withFile(output.path, "r", "read", output.label, async (handle) => {
      const { size } = await handle.stat();
      if (size !== output.bytes) refuse(output.label, `the file has ${size} bytes, wanted ${output.bytes}`);
      const found = new Uint8Array(output.headerBytes.length);
      await readAt(handle, found, 0);
      if (Buffer.compare(found, output.headerBytes) !== 0) refuse(output.label, "the file's header is not the one that this model's has");
    });
  }
}

function refuse(file: string, what: string): never {
  throw new SecateurError("format", `${file}: ${what}: the work cannot go on from here, begin again with --restart`, { where: { file } });
}

/** Whether anything has this name, be it a link that leads nowhere. */
export function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
