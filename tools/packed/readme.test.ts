import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { installProjects, type PackedPackage, packedFile } from "../src/pack.ts";
import { installedByReadme, readExamples } from "../src/readme-examples.ts";
import { CAN_INSTALL, installFolder, node, packedPackages, ROOT, rangeOf, tool } from "./packages.ts";

const packed = packedPackages();
const libraries = [...packed.values()].filter(({ source }) => source.startsWith(join(ROOT, "packages")));
const documented: readonly Documented[] = [...libraries, { name: "README.md", source: ROOT }];
const folder = installFolder("readmes");

/** What has a README: a library, or all of them together. */
type Documented = Pick<PackedPackage, "name" | "source">;

/** Strict, and with the declarations of the packages themselves checked. */
const TSCONFIG = {
  compilerOptions: {
    target: "es2023",
    lib: ["es2023"],
    module: "nodenext",
    strict: true,
    verbatimModuleSyntax: true,
    rewriteRelativeImportExtensions: true,
    skipLibCheck: false,
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
    noUncheckedSideEffectImports: false, // a page's backend of tfjs is not installed
  },
  include: ["*.ts"],
};

describe.skipIf(!CAN_INSTALL)("the examples of the READMEs, with the packed packages", () => {
  beforeAll(async () => {
    const projects = Object.fromEntries(documented.map((library) => [projectOf(library), dependenciesOf(library)]));
    await installProjects(folder, projects, packed);
  });

  it.for(documented)("$name", async (library) => {
    const examples = readExamples(readmeOf(library));
    expect(
      examples.filter(({ runs }) => runs !== "types"),
      "the README has no example that runs",
    ).not.toEqual([]);
    const project = join(folder, projectOf(library));
    for (const { file, source } of examples) writeFileSync(join(project, file), source);
    cpSync(join(ROOT, "tools/src/expect-result.ts"), join(project, "expect-result.ts"));
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify(TSCONFIG));
    await compile(project);
    for (const { file, runs } of examples) {
      if (runs === "node") await node(project, file.replace(/ts$/, "js"));
      if (runs === "vitest") await node(project, "node_modules/vitest/vitest.mjs", "run", file);
    }
  });
});

/** Compiles a project; what other libraries' declarations lack, such as those of a page, is not its fault. */
async function compile(project: string): Promise<void> {
  const printed = await node(project, tool("typescript/bin/tsc"), "-p", ".").catch((error: Error) => error.message);
  const own = printed.split("\n").filter((line) => /^\S/.test(line) && (!line.includes("node_modules/") || line.includes("/@secateur/")));
  expect(own).toEqual([]);
}

function projectOf({ name }: Documented): string {
  return name.replace("@secateur/", "");
}

function readmeOf({ source }: Documented): string {
  const file = join(source, "README.md");
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/** The package and what its README has users install beside it. */
function dependenciesOf(library: Documented): Record<string, string> {
  const names = [...(packed.has(library.name) ? [library.name] : []), ...installedByReadme(readmeOf(library))];
  return Object.fromEntries(names.map((name) => [name, packed.has(name) ? packedFile(packed, name) : rangeOf(name)]));
}
