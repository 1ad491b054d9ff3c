import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/**
 * The file that `import` loads for a package (or for one of its subpaths, such as `tsx/esm/api`) from a directory, or undefined when the package is not
 * installed there. Follows the package's `exports` with the conditions of `import`, which Node's own `require.resolve` leaves out. Throws an Error when the
 * package is there and its entry is not.
 */
export function locatePackage(specifier: string, from: string): string | undefined {
  const parts = specifier.split("/");
  const name = parts.splice(0, specifier.startsWith("@") ? 2 : 1).join("/");
  const found = [ownPackage(name, from), ...packageFolders(from).map((folder) => join(folder, name))];
  const directory = found.find((candidate) => candidate !== undefined && existsSync(join(candidate, "package.json")));
  if (directory !== undefined) return entryOf(directory, [".", ...parts].join("/"));
  return process.versions.pnp === undefined ? undefined : locateWithoutFolders(specifier, from);
}

/** The names of the packages installed for a directory, nearest first, each once. */
export function installedPackages(from: string): string[] {
  const names = new Set<string>();
  for (const folder of packageFolders(from)) {
    for (const name of namesIn(folder)) {
      if (!name.startsWith("@")) names.add(name);
      else for (const inner of namesIn(join(folder, name))) names.add(`${name}/${inner}`);
    }
  }
  return [...names];
}

/** Where `import` looks, nearest first. `require` would look in the folders of NODE_PATH too, which are not the user's choice: launchers set it. */
function packageFolders(from: string): string[] {
  return ancestors(from).map((directory) => join(directory, "node_modules"));
}

function ancestors(from: string): string[] {
  const parent = dirname(from);
  return parent === from ? [from] : [from, ...ancestors(parent)];
}

/** The directory of the package that `from` is in, when it has this name and says what it exports: Node lets a package import itself then. */
function ownPackage(name: string, from: string): string | undefined {
  const directory = ancestors(from).find((candidate) => existsSync(join(candidate, "package.json")));
  try {
    const manifest = directory === undefined ? {} : readManifest(directory);
    return manifest.name === name && manifest.exports !== undefined ? directory : undefined;
  } catch {
    return undefined; // a folder with a broken manifest is no package, and others can be found from it
  }
}

/** Yarn's Plug'n'Play keeps packages in archives and teaches only Node's own functions to look there. */
function locateWithoutFolders(specifier: string, from: string): string | undefined {
  try {
    return createRequire(join(from, "package.json")).resolve(specifier);
  } catch {
    return undefined;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => !name.startsWith("."));
  } catch {
    return []; // most of the folders that Node looks in do not exist
  }
}

function entryOf(directory: string, subpath: string): string {
  const manifest = join(directory, "package.json");
  const { exports } = readManifest(directory);
  if (exports === undefined || exports === null) return createRequire(manifest).resolve(join(directory, subpath));
  const subpaths = isObject(exports) && Object.keys(exports).some((key) => key.startsWith(".")) ? exports : { ".": exports };
  const target = pickTarget(subpaths[subpath], conditions());
  if (target === undefined) throw new Error(`${manifest} exports nothing to import as "${subpath}"`);
  const file = join(directory, target);
  if (!existsSync(file)) throw new Error(`${manifest} exports ${target}, which does not exist`);
  return file;
}

function readManifest(directory: string): { readonly name?: unknown; readonly exports?: unknown } {
  const file = join(directory, "package.json");
  const text = readFileSync(file, "utf8");
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${file} is not JSON: ${(cause as Error).message}`, { cause });
  }
}

/** The first target whose conditions all hold, in the order in which the package lists them. */
function pickTarget(target: unknown, holds: ReadonlySet<string>): string | undefined {
  if (typeof target === "string") return target.startsWith("./") ? target : undefined;
  const inner = Array.isArray(target)
    ? target
    : isObject(target)
      ? Object.entries(target).flatMap(([condition, value]) => (holds.has(condition) ? [value] : []))
      : [];
  for (const value of inner) {
    const picked = pickTarget(value, holds);
    if (picked !== undefined) return picked;
  }
  return undefined;
}

/** The conditions of an `import` in this process, with those that Node was started with. */
function conditions(): ReadonlySet<string> {
  const given = process.execArgv.flatMap((argument, i, all) => {
    if (argument === "-C" || argument === "--conditions") return all[i + 1] ?? [];
    return argument.startsWith("--conditions=") ? argument.slice("--conditions=".length) : [];
  });
  return new Set(["node", "import", "module-sync", "default", ...given]);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
