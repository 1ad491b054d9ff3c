import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { build } from "esbuild";
import { importSpecifiers } from "../import-specifiers.ts";
import type { Unpacked } from "./unpacked.ts";

/** What a package imports without declaring it, in code and in declarations, and what it declares without importing it; one line a problem. */
export async function importProblems(one: Unpacked): Promise<string[]> {
  const { name, dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } = one.manifest;
  const declared = new Set(Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }));
  const imports = [...(await importsOfCode(one)), ...importsOfText(one)];
  const used = new Set(imports.map(({ specifier }) => packageOf(specifier)));
  const undeclared = imports.flatMap(({ file, specifier }) => {
    const wanted = packageOf(specifier);
    return wanted === undefined || wanted === name || declared.has(wanted)
      ? []
      : `${file} imports ${wanted}, which package.json does not declare`;
  });
  // A peer that is optional is looked for when it is asked for, so that no import names it.
  const unused = [...declared].filter((wanted) => !used.has(wanted) && !peerDependenciesMeta?.[wanted]?.optional);
  return [...new Set([...undeclared, ...unused.map((wanted) => `package.json declares ${wanted}, which nothing imports`)])];
}

interface Import {
  readonly file: string;
  readonly specifier: string;
}

/** What JavaScript imports, by esbuild's parser. */
async function importsOfCode({ folder, files }: Unpacked): Promise<Import[]> {
  const entryPoints = files.filter((file) => /^(?!src\/).*\.[cm]?js$/.test(file));
  if (entryPoints.length === 0) return [];
  const { metafile } = await build({
    absWorkingDir: folder,
    entryPoints,
    outdir: "unwritten",
    write: false,
    bundle: true,
    packages: "external",
    format: "esm",
    platform: "node",
    metafile: true,
    logLevel: "silent",
  });
  return Object.entries(metafile.inputs).flatMap(([file, { imports }]) =>
    imports.flatMap(({ path, external }) => (external ? { file, specifier: path } : [])),
  );
}

/** What declarations import, and what code resolves without importing it. */
function importsOfText({ folder, files }: Unpacked): Import[] {
  return files
    .filter((file) => /^(?!src\/).*(?:\.d\.[cm]?ts|\.[cm]?js)$/.test(file))
    .flatMap((file) => importSpecifiers(readFileSync(join(folder, file), "utf8")).map((specifier) => ({ file, specifier })));
}

/** The package that a specifier names; undefined for a file and for one of Node's own modules. */
function packageOf(specifier: string): string | undefined {
  if (/^[./#]/.test(specifier) || specifier.startsWith("node:") || builtinModules.includes(specifier)) return undefined;
  const parts = specifier.split("/");
  return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}
