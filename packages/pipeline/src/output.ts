import { lstat, realpath, rename, rm, stat, statfs } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, normalize, relative, resolve } from "node:path";
import { SecateurError } from "@secateur/kit";
import { errorCode, ioError } from "@secateur/kit/node";
import { listFolder } from "./io.ts";
import { modelFolder, replacedFolder } from "./journal.ts";

/** Where a run works until its output is whole. */
export function partialFolder(out: string): string {
  return `${plainPath(out)}.partial`;
}

/** A path without `.`, `..` inside and slashes at its end, so that a name can be put beside it. */
function plainPath(path: string): string {
  return normalize(path).replace(/[/\\]+$/, "");
}

/** What a run reads: it must not lie where the output goes. */
export interface Inputs {
  readonly model: string;
  readonly data: readonly string[];
}

/**
 * Refuses an output that would destroy something: what the run reads, through whatever links, the present folder, or a folder that is not empty
 * without `force`. Throws SecateurError `usage` or `exists`.
 */
export async function checkOutput(out: string, { model, data }: Inputs, force: boolean): Promise<void> {
  const where = { file: out };
  const refuse = (what: string): never => {
    throw new SecateurError("usage", `--out ${out} is ${what}: give another`, { where });
  };
  const target = await canonical(out);
  const source = await canonical(model);
  if (target === source) refuse("the model's own folder");
  if (holds(target, source)) refuse("a folder that holds the model");
  if (holds(target, process.cwd())) refuse("the present folder, or one that holds it");
  for (const file of data) if (holds(target, await canonical(file))) refuse(`a folder that holds the data ${file}`);
  const itself = await lstat(plainPath(out)).catch(() => undefined);
  if (itself?.isSymbolicLink()) refuse("a link, which the model's folder would take the place of");
  const parent = await stat(dirname(target)).catch(() => undefined);
  if (itself && parent && itself.dev !== parent.dev) refuse("a mount point, which nothing can take the place of; a folder in it would do");
  const entries = (await listFolder(out)) ?? [];
  if (entries.length > 0 && !force)
    throw new SecateurError("exists", `--out ${out} exists and is not empty: give another, or --force to replace it`, { where });
}

/** As `checkOutput`, for an output that is one file. */
export async function checkOutputFile(out: string, { model, data }: Inputs, force: boolean): Promise<void> {
  const where = { file: out };
  const target = await canonical(out);
  for (const file of [model, ...data]) {
    if (target === (await canonical(file)))
      throw new SecateurError("usage", `--out ${out} is what is read, ${file}: give another`, { where });
  }
  const there = await lstat(plainPath(out)).catch(() => undefined);
  if (there && !there.isFile()) throw new SecateurError("usage", `--out ${out} is no file, and is to be one: give another`, { where });
  if (there && !force) throw new SecateurError("exists", `--out ${out} exists: give another, or --force to replace it`, { where });
  const parent = await stat(dirname(target)).catch(() => undefined);
  if (!parent?.isDirectory()) throw new SecateurError("not-found", `--out ${out}: there is no folder ${dirname(out)}`, { where });
}

function holds(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === "" || !(isAbsolute(way) || /^\.\.([/\\]|$)/.test(way));
}

/** The real path of a place that need not exist: links of the part that does are followed. */
async function canonical(path: string): Promise<string> {
  const full = resolve(path);
  try {
    return await realpath(full);
  } catch {
    return dirname(full) === full ? full : join(await canonical(dirname(full)), basename(full));
  }
}

/** Refuses a disk without the space for `bytes` of output, what an unfinished run holds of them already not counted twice. Throws SecateurError `io`. */
export async function checkSpace(out: string, bytes: number): Promise<void> {
  const missing = bytes - (await heldBytes(modelFolder(partialFolder(out))));
  for (let folder = resolve(out); ; folder = dirname(folder)) {
    const disk = await statfs(folder).catch(() => undefined);
    const free = disk && disk.bavail * disk.bsize;
    if (free !== undefined && free < missing) {
      throw new SecateurError("io", `${out} needs ${missing} bytes more, the disk there has ${free} free`, { where: { file: out } });
    }
    if (free !== undefined || dirname(folder) === folder) return;
  }
}

/** The bytes that a folder's files hold on the disk: files that are laid out at full length hold only what has been written. */
async function heldBytes(folder: string): Promise<number> {
  const names = await listFolder(folder).catch(() => undefined);
  const sizes = (names ?? []).map(async (name) => {
    const found = await stat(join(folder, name)).catch(() => undefined);
    return found ? Math.min(found.size, found.blocks * 512) : 0; // a block is counted as 512 bytes on every system
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/**
 * Gives the model in a partial folder its final name, and takes the partial folder away. What stood there is moved into the partial folder first and
 * goes only once the new folder is in place. Throws SecateurError `io`.
 */
export async function publish(partial: string, out: string): Promise<void> {
  const target = plainPath(out);
  const old = replacedFolder(partial);
  try {
    await rm(old, { recursive: true, force: true });
    const replaced = await rename(target, old).then(
      () => true,
      (error: unknown) => {
        if (errorCode(error) === "ENOENT") return false;
        throw error;
      },
    );
    await rename(modelFolder(partial), target).catch(async (error: unknown) => {
      if (replaced) await rename(old, target);
      throw error;
    });
  } catch (error) {
    throw ioError(error, "give its name to", out);
  }
  await rm(partial, { recursive: true, force: true }).catch((error: unknown) => {
    throw ioError(error, "remove", partial);
  });
}
