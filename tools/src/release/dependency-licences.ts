import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { isPermissive } from "../licences.ts";
import type { Manifest, Unpacked } from "./unpacked.ts";

/** What a package brings along, at any remove, under a licence that is not permissive; one line a problem. */
export function dependencyLicenceProblems({ folder, manifest }: Unpacked): string[] {
  const seen = new Set<string>();
  const visit = (from: string, { name, dependencies, optionalDependencies }: Manifest): string[] => {
    const named = { ...dependencies, ...optionalDependencies };
    return Object.keys(named).flatMap((wanted) => {
      const found = findPackage(wanted, from);
      // What is optional is not there on systems that it is not for.
      if (found === undefined)
        return optionalDependencies?.[wanted] === undefined ? `${wanted}, which ${name} depends on, is not installed` : [];
      if (seen.has(found)) return [];
      seen.add(found);
      const theirs = JSON.parse(readFileSync(join(found, "package.json"), "utf8")) as Manifest;
      const licence = isPermissive(theirs.license)
        ? []
        : [`${name} depends on ${wanted} ${theirs.version}, whose licence is ${JSON.stringify(theirs.license)}: no permissive one`];
      return [...licence, ...visit(found, theirs)];
    });
  };
  return visit(folder, manifest);
}

function findPackage(name: string, from: string): string | undefined {
  for (let at = from; ; at = dirname(at)) {
    const folder = join(at, "node_modules", name);
    if (existsSync(join(folder, "package.json"))) return realpathSync(folder);
    if (at === dirname(at)) return undefined;
  }
}
