import { type FileHandle, open } from "node:fs/promises";
import { SecateurError } from "../errors.ts";

/** Opens a file to read; whoever opens it closes it. Throws SecateurError `not-found`, `input` for a folder, `io`. */
export async function openFile(source: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(source);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const where = { file: source };
    if (code === "ENOENT" || code === "ENOTDIR") throw new SecateurError("not-found", `${source}: no such file`, { where, cause });
    if (code === "EISDIR") throw isFolder(source);
    throw new SecateurError("io", `${source}: cannot be opened (${code ?? String(cause)})`, { where, cause });
  }
  if ((await file.stat()).isDirectory()) {
    await file.close();
    throw isFolder(source);
  }
  return file;
}

function isFolder(source: string): SecateurError {
  return new SecateurError("input", `${source}: is a folder, a file was wanted`, { where: { file: source } });
}
