import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32 } from "node:zlib";
import { SecateurError, throwIfCancelled } from "@secateur/kit";
import { errorCode, ioError } from "@secateur/kit/node";
import { type Entry, openPromise, type ZipFile } from "yauzl";

// The high bits of what a zip file keeps of a file's mode on Unix, and those of a symbolic link.
const [TYPE_BITS, SYMLINK] = [0o170000, 0o120000];

/**
 * Unpacks a wheel, which is a zip file, into a new folder, and gives the paths of its files there with their sizes. Throws SecateurError `format` for a file that is none or
 * is damaged, and for an entry that would lie outside of the folder, before anything is written; `cancelled`, `io`.
 */
export async function unpackWheel(file: string, folder: string, signal?: AbortSignal): Promise<Record<string, number>> {
  for await (const [entry] of openEntries(file)) checkEntry(file, entry);
  const sizes: Record<string, number> = {};
  for await (const [entry, zip] of openEntries(file)) {
    throwIfCancelled(signal);
    const { fileName } = entry;
    const path = join(folder, fileName);
    try {
      await mkdir(fileName.endsWith("/") ? path : dirname(path), { recursive: true });
      if (fileName.endsWith("/")) continue;
      await pipeline(await zip.openReadStreamPromise(entry), checked(entry), createWriteStream(path), signal ? { signal } : {});
    } catch (error) {
      throwIfCancelled(signal);
      throw errorCode(error) === undefined ? damaged(file, error) : ioError(error, "write", path);
    }
    sizes[fileName] = entry.uncompressedSize;
  }
  return sizes;
}

async function* openEntries(file: string): AsyncGenerator<readonly [Entry, ZipFile]> {
  let zip: ZipFile;
  try {
    zip = await openPromise(file, { autoClose: false, strictFileNames: true });
  } catch (error) {
    throw errorCode(error) === undefined ? damaged(file, error) : ioError(error, "read", file);
  }
  try {
    for await (const entry of zip.eachEntry()) yield [entry, zip];
  } catch (error) {
    throw error instanceof SecateurError ? error : damaged(file, error);
  } finally {
    zip.close();
  }
}

/** Lets an entry's bytes through, and fails at their end when they are not those that were packed. */
function checked({ fileName, crc32: wanted }: Entry): Transform {
  let found = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      found = crc32(chunk, found);
      done(null, chunk);
    },
    flush(done) {
      done(found === wanted ? null : new Error(`${fileName} is damaged`));
    },
  });
}

/** The reader has refused names that are absolute or lead out of the folder; a link could still do so. */
function checkEntry(file: string, { fileName, externalFileAttributes }: Entry): void {
  if (((externalFileAttributes >>> 16) & TYPE_BITS) === SYMLINK) throw damaged(file, new Error(`${fileName} is a symbolic link`));
}

function damaged(file: string, cause: unknown): SecateurError {
  return new SecateurError("format", `${file} is no wheel that can be unpacked: ${(cause as Error).message}`, { where: { file }, cause });
}
