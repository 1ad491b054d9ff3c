import { isPermissive } from "../licences.ts";
import { binsOf, exportsOf, type Unpacked } from "./unpacked.ts";

/** What a tarball lacks of what its package.json speaks of, and what it should not bring; one line a problem. */
export function contentProblems({ manifest, files }: Unpacked): string[] {
  return [
    isPermissive(manifest.license) ? [] : `its licence is ${JSON.stringify(manifest.license)}, which is no permissive one`,
    ["LICENSE", "README.md"].filter((file) => !files.includes(file)).map((file) => `it brings no ${file}`),
    (manifest.files ?? []).filter((entry) => !isThere(entry, files)).map((entry) => `"files" names ${entry}, of which nothing is there`),
    files.filter((file) => UNWANTED.test(file)).map((file) => `it brings ${file}, which no user needs`),
    binsOf(manifest)
      .filter((file) => !files.includes(file))
      .map((file) => `its command ${file} is not there`),
    targetsOf(manifest)
      .filter(({ file }) => !files.includes(file))
      .map(({ subpath, condition, file }) => `"exports" gives ${file} for ${subpath} (${condition}), which is not there`),
    rangesOf(manifest)
      .filter(([, range]) => /^(?:workspace|catalog|file|link|portal):/.test(range))
      .map(([name, range]) => `it depends on ${name} by ${range}, which no registry knows`),
  ].flat();
}

const UNWANTED =
  /(?:^|\/)(?:tests?|fixtures|coverage)\/|\.test\.|\.tsbuildinfo$|(?:^|\/)tsconfig[^/]*\.json$|\.tgz$|(?:^|\/)\.(?:env|npmrc)/;

function isThere(entry: string, files: readonly string[]): boolean {
  const path = entry.replace(/^\.\/|\/$/g, "");
  return entry.startsWith("!") || files.some((file) => file === path || file.startsWith(`${path}/`));
}

function targetsOf(manifest: Unpacked["manifest"]): { subpath: string; condition: string; file: string }[] {
  return exportsOf(manifest).flatMap(({ subpath, targets }) =>
    Object.entries(targets).map(([condition, target]) => ({ subpath, condition, file: String(target).replace(/^\.\//, "") })),
  );
}

function rangesOf({ dependencies, optionalDependencies, peerDependencies }: Unpacked["manifest"]): [name: string, range: string][] {
  return Object.entries({ ...dependencies, ...optionalDependencies, ...peerDependencies });
}
