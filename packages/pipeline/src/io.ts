import { lstat, open, readdir, rename, writeFile } from "node:fs/promises";
import { SecateurError } from "@secateur/kit";
import { errorCode, ioError } from "@secateur/kit/node";

/** The names in a folder; undefined when nothing is there. Throws SecateurError `exists` when it is no folder, `io` when it cannot be read. */
export async function listFolder(path: string): Promise<string[] | undefined> {
  try {
    return await readdir(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    if (errorCode(error) === "ENOTDIR")
      throw new SecateurError("exists", `${path} is not a folder`, { where: { file: path }, cause: error });
    throw ioError(error, "read", path);
  }
}

/** Whether there is anything at a path. Throws SecateurError `io` when that cannot be seen. */
export async function pathExists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw ioError(error, "read", path);
  }
}

/** What a file that is being written whole is called until then. */
export const UNFINISHED = ".new";

/** Writes a small text file so that it is there whole or not at all, even when the power fails. Throws SecateurError `io`. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = path + UNFINISHED;
  try {
    await writeFile(temporary, text);
    const file = await open(temporary, "r+");
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    throw ioError(error, "write", path);
  }
}
