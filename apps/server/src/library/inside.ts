import { createHash } from "node:crypto";
import { readdir, realpath } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";

/** Whether a path is a folder or lies in it; both are real paths. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return !(isAbsolute(way) || way === ".." || way.startsWith(`..${sep}`));
}

/** What a path is called to clients: the same for as long as it is there, and nothing can be told from it. */
export function idOf(path: string): string {
  return createHash("sha256").update(path).digest("hex").slice(0, 16);
}

/** An entry of a folder that was walked. */
export interface Entry {
  /** The real path. */
  readonly path: string;
  /** Relative to the folder, with `/`. */
  readonly name: string;
  readonly isFile: boolean;
}

/**
 * What lies in a folder, down to `depth` folders below it, in the order of names; a link counts as what it leads to, where that lies in the folder too.
 * Hidden names are left out, and so is what cannot be read.
 */
export async function* walk(folder: string, depth: number): AsyncGenerator<Entry, void, undefined> {
  const root = await realpath(folder).catch(() => undefined);
  if (root !== undefined) yield* walkFrom(root, root, "", depth);
}

async function* walkFrom(root: string, folder: string, prefix: string, depth: number): AsyncGenerator<Entry, void, undefined> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const { name } of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (name.startsWith(".")) continue;
    const path = await realpath(join(folder, name)).catch(() => undefined);
    if (path === undefined || !isInside(root, path)) continue;
    const below = await readdir(path).catch(() => undefined);
    yield { path, name: prefix + name, isFile: below === undefined };
    if (below !== undefined && depth > 0) yield* walkFrom(root, path, `${prefix}${name}/`, depth - 1);
  }
}
