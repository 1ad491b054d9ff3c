import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { SecateurError } from "@secateur/kit";
import { ioError } from "@secateur/kit/node";
import { type Entry, openPromise, type ZipFile } from "yauzl";

// The high bits of what a zip file keeps of a file's mode on Unix, and those of a symbolic link.
const [TYPE_BITS, SYMLINK] = [0o170000, 0o120000];

/**
 * Unpacks a wheel, which is a zip file, into a folder, and gives the paths of its files there. Throws SecateurError `format` for a file that is none or is damaged, and for
 * an entry that would lie outside of the folder, before anything is written; `io`.
 */
export async function unpackWheel(file: string, folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of entriesOf(file)) {
    checkEntry(file, entry);
    names.push(entry.fileName);
  }
  for await (const [entry, zip] of openEntries(file)) {
    const path = join(folder, entry.fileName);
    try {
      await mkdir(entry.fileName.endsWith("/") ? path : dirname(path), { recursive: true });
      if (!entry.fileName.endsWith("/")) await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw damaged(file, error);
      throw ioError(error, "write", path);
    }
  }
  return names.filter((name) => !name.endsWith("/"));
}

async function* entriesOf(file: string): AsyncGenerator<Entry> {
  for await (const [entry] of openEntries(file)) yield entry;
}

async function* openEntries(file: string): AsyncGenerator<readonly [Entry, ZipFile]> {
  let zip: ZipFile;
  try {
    zip = await openPromise(file, { autoClose: false, strictFileNames: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== undefined) throw ioError(error, "read", file);
    throw damaged(file, error);
  }
  try {
    for await (const entry of zip.eachEntry()) yield [entry, zip];
  } catch (error) {
    throw error instanceof SecateurError ? error : damaged(file, error);
  } finally {
    zip.close();
  }
}

/** The reader has refused names that are absolute or lead out of the folder; a link could still do so. */
function checkEntry(file: string, { fileName, externalFileAttributes }: Entry): void {
  if (((externalFileAttributes >>> 16) & TYPE_BITS) === SYMLINK) throw damaged(file, new Error(`${fileName} is a symbolic link`));
}

function damaged(file: string, cause: unknown): SecateurError {
  return new SecateurError("format", `${file} is no wheel that can be unpacked: ${(cause as Error).message}`, { where: { file }, cause });
}
