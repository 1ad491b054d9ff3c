import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";

/** What is read of a package.json. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: unknown;
  readonly sideEffects?: unknown;
  readonly files?: readonly string[];
  readonly bin?: string | Readonly<Record<string, string>>;
  readonly exports?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** A package as its users get it. */
export interface Unpacked {
  /** Where it is installed, with what it depends on: absolute, no link. */
  readonly folder: string;
  readonly manifest: Manifest;
  /** The files that its tarball brings, relative, with `/`, sorted. */
  readonly files: readonly string[];
}

/** Reads a package that was installed from its tarball. */
export function readUnpacked(installed: string): Unpacked {
  const folder = realpathSync(installed);
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      join(parentPath, name)
        .slice(folder.length + 1)
        .replaceAll("\\", "/"),
    )
    .filter((file) => !file.startsWith("node_modules/"));
  return { folder, manifest, files: files.sort() };
}

/** A path that a package exports. */
export interface Exported {
  /** `.`, or `./` and a path. */
  readonly subpath: string;
  /** Condition → file, relative to the package, as `./dist/index.js`; a target without conditions is of `default`. */
  readonly targets: Readonly<Record<string, unknown>>;
}

/** What a package exports, in the order of its package.json. */
export function exportsOf({ exports }: Manifest): Exported[] {
  if (exports === undefined || exports === null) return [];
  const isMap = typeof exports === "object" && Object.keys(exports).some((key) => key.startsWith("."));
  return Object.entries(isMap ? exports : { ".": exports }).map(([subpath, target]) => ({
    subpath,
    targets: typeof target === "object" && target !== null ? (target as Record<string, unknown>) : { default: target },
  }));
}

/** What a package exports to be imported as code: the specifier, and the file that Node loads. */
export function importable({ manifest }: Unpacked): { readonly specifier: string; readonly file: string }[] {
  return exportsOf(manifest).flatMap(({ subpath, targets }) => {
    const file = targets.default;
    return typeof file === "string" && /\.[cm]?js$/.test(file) ? [{ specifier: manifest.name + subpath.slice(1), file }] : [];
  });
}

/** The files of a package's commands, relative to it. */
export function binsOf({ bin = {} }: Manifest): string[] {
  return (typeof bin === "string" ? [bin] : Object.values(bin)).map((file) => file.replace(/^\.\//, ""));
}
