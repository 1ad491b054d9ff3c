import { type FileHandle, open, rename } from "node:fs/promises";
import { errorCode, ioError } from "@secateur/kit/node";

/** How much is read, hashed or copied at a time where nothing needs it whole. */
export const CHUNK_BYTES: number = 1 << 20;

// A single system call takes less than 2 GiB.
const MAX_CALL_BYTES = 1 << 30;

/** Fills `bytes` from a position of a file and returns how many there were: fewer only at the file's end. */
export async function readAt(handle: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(bytes.length - done, MAX_CALL_BYTES), position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

/** Writes all of `bytes` at a position of a file. */
export async function writeAt(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    done += (await handle.write(bytes, done, Math.min(bytes.length - done, MAX_CALL_BYTES), position + done)).bytesWritten;
  }
}

/** Opens a file for as long as `use` runs. Errors of the system become SecateurError `io` that names `label`. */
export async function withFile<T>(
  path: string,
  flags: string,
  action: string,
  label: string,
  use: (handle: FileHandle) => Promise<T>,
  tensor?: string,
): Promise<T> {
  try {
    const handle = await open(path, flags);
    try {
      return await use(handle);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw ioError(error, action, label, tensor);
  }
}

/** Makes a file, or takes the place of one, in a single step: it is filled under another name, flushed and then renamed. */
export async function placeFile(path: string, label: string, fill: (handle: FileHandle) => Promise<void>): Promise<void> {
  const unfinished = unfinishedName(path);
  await withFile(unfinished, "w", "write", label, async (handle) => {
    await fill(handle);
    await handle.sync();
  });
  try {
    await rename(unfinished, path);
  } catch (error) {
    throw ioError(error, "write", label);
  }
}

/** What `placeFile` calls a file until it is filled. */
export function unfinishedName(path: string): string {
  return `${path}.unfinished`;
}

/** Makes the names in a folder last. Some systems cannot flush folders; there nothing is done. */
export async function syncFolder(path: string): Promise<void> {
  try {
    const handle = await open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!["EPERM", "EINVAL", "EISDIR", "EACCES", "ENOTSUP"].includes(errorCode(error) ?? "")) throw ioError(error, "flush", path);
  }
}
