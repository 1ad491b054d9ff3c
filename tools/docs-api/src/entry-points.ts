import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A path that a package exports, with the source behind it. */
export interface EntryPoint {
  /** What `import` names it by, such as `@secateur/kit/node`. */
  readonly specifier: string;
  readonly package: string;
  /** Absolute. */
  readonly file: string;
  /** The folder of the package, absolute. */
  readonly folder: string;
}

/** Every exported path of the packages that are published, by package. Throws an Error for one that names no source under the condition `source`. */
export function entryPoints(root: string): EntryPoint[] {
  const folders = readdirSync(join(root, "packages")).sort();
  return folders.flatMap((name) => {
    const folder = join(root, "packages", name);
    const manifest = readManifest(folder);
    if (manifest === undefined || manifest.private) return [];
    return Object.entries(manifest.exports).flatMap(([path, target]) => {
      if (path === "./package.json") return [];
      const source = typeof target === "object" ? target.source : undefined;
      if (source === undefined) throw new Error(`${join(folder, "package.json")}: the export ${path} names no "source"`);
      return { specifier: join(manifest.name, path), package: manifest.name, file: join(folder, source), folder };
    });
  });
}

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports: Readonly<Record<string, string | { readonly source?: string }>>;
}

function readManifest(folder: string): Manifest | undefined {
  const file = join(folder, "package.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Manifest) : undefined; // the packages' own, which publint checks
}
