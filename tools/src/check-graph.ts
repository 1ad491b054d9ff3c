import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, posix, relative, resolve } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { importSpecifiers } from "./import-specifiers.ts";

/** The order of the packages: each may import only from rows before its own, and none from its own row. */
export const LAYERS: readonly RegExp[] = [
  /^packages\/tensor$/,
  /^packages\/graph$/,
  /^packages\/kit$/,
  /^packages\/(?:onnx|onnxruntime-plugin)$/,
  /^packages\/(?:backend|format|data|scorer|fuser|allocator)-/,
  /^packages\/(?:models|fusion)$/,
  /^packages\/(?:text|tasks)$/,
  /^packages\/runner$/,
  /^packages\/statistics$/,
  /^packages\/evaluate$/,
  /^packages\/pipeline$/,
  /^packages\/report$/,
  /^apps\/engine$/,
  /^apps\//,
  /^tools(?:\/|$)/,
];

const PLUGINS = 4; // the row whose packages only apps and tools name
const ENGINE = LAYERS.length - 3; // what the apps share
const APPS = LAYERS.length - 2;
const TOOLS = LAYERS.length - 1;

/** The plugin that any test after it may compute with: what it does is what the others must do. */
const ORACLE = "packages/backend-reference";

/** Packages that run anywhere: none of their files imports from Node. Of `kit`, all but what `kit/node` is made of. */
const NODE_FREE = /^packages\/(?:tensor|graph|fusion|kit|scorer-[^/]+)$/;
const NODE_PART_OF_KIT = /^packages\/kit\/src\/node(?:\.ts$|\/)/;

/**
 * What in a repository breaks its order of packages, one line a problem; nothing when all is well. Holds the table of layers, the declared dependencies and the
 * TypeScript references against each other and against the imports in the sources and tests.
 */
export function checkGraph(root: string): string[] {
  const packages = readPackages(root);
  const byName = new Map(packages.map((found) => [found.name, found]));
  const shared = new Set(Object.keys(readJson(join(root, "package.json")).devDependencies ?? {}));
  const context = { byName, shared };
  const problems = packages.flatMap((one) => {
    if (one.row < 0) return [`${one.folder} has no place in the table of layers`];
    return [...checkImports(one, context), ...checkDependencies(one, context), ...checkReferences(one, byName), ...checkNode(one)];
  });
  return [...new Set([...checkRootReferences(root, packages), ...problems])];
}

/** A package of the workspace, with what its files import. */
interface Package {
  /** Relative to the root, such as `packages/kit`. */
  readonly folder: string;
  readonly name: string;
  readonly row: number;
  readonly dependencies: ReadonlySet<string>;
  readonly devDependencies: ReadonlySet<string>;
  /** What its users may bring: it is looked for when it is asked for, so that no import names it. */
  readonly optionalPeers: ReadonlySet<string>;
  /** The folders that its tsconfig refers to. */
  readonly references: readonly string[];
  readonly imports: readonly Import[];
}

interface Import {
  /** The file, relative to the root. */
  readonly file: string;
  readonly specifier: string;
  readonly inTest: boolean;
}

interface Context {
  readonly byName: ReadonlyMap<string, Package>;
  /** What the root's package.json lets every test import. */
  readonly shared: ReadonlySet<string>;
}

function checkImports(one: Package, { byName, shared }: Context): string[] {
  return one.imports.flatMap(({ file, specifier, inTest }) => {
    const name = packageOf(specifier);
    if (name === undefined || (name === one.name && inTest)) return [];
    if (name === one.name) return [`${file} imports its own package as ${specifier}: name the file`];
    const target = byName.get(name);
    const order = target === undefined ? undefined : checkOrder(one, target, inTest);
    const develops = inTest || one.row === TOOLS; // what is not published may use what is installed to develop with
    const declared =
      one.dependencies.has(name) || builtIn(one).has(name) || (develops && (one.devDependencies.has(name) || shared.has(name)));
    return [
      order === undefined ? [] : `${file} imports ${specifier}${order}`,
      declared ? [] : `${file} imports ${name}, which ${one.folder}/package.json does not declare`,
    ].flat();
  });
}

function checkDependencies(one: Package, { byName }: Context): string[] {
  const used = new Set(one.imports.filter(({ inTest }) => !inTest || one.row === APPS).map(({ specifier }) => packageOf(specifier)));
  return [...neededOf(one, byName)].flatMap((name) => {
    const target = byName.get(name);
    if (target !== undefined && one.row === APPS && one.dependencies.has(name))
      return `${one.folder}/package.json declares ${name} as a dependency, but it is bundled: it belongs to devDependencies`;
    const order = target === undefined ? undefined : checkOrder(one, target, false);
    return [
      order === undefined ? [] : `${one.folder}/package.json declares ${name}${order}`,
      used.has(name) || one.optionalPeers.has(name)
        ? []
        : `${one.folder}/package.json declares ${name}, which nothing in its sources imports`,
    ].flat();
  });
}

/** What an app is bundled from: nothing of it is installed with the app. */
function builtIn(one: Package): ReadonlySet<string> {
  return one.row === APPS ? one.devDependencies : new Set();
}

/** What a package declares for its sources. An app's dependencies on others are what its bundle leaves outside: the bundle is checked for them, not the sources. */
function neededOf(one: Package, byName: Context["byName"]): readonly string[] {
  if (one.row !== APPS) return [...one.dependencies];
  return [...one.dependencies, ...one.devDependencies].filter((name) => byName.has(name));
}

/** Why one package may not import another, or undefined when it may. */
function checkOrder(one: Package, target: Package, inTest: boolean): string | undefined {
  if (inTest && target.folder === ORACLE && one.row >= PLUGINS) return undefined;
  if (target.row > one.row) return ", which comes after it in the order of layers";
  if (target.row === one.row) return one.row === PLUGINS ? ", its sibling: plugins do not know each other" : ", which is in its own layer";
  if (target.row === PLUGINS && one.row < ENGINE && !inTest) return ", a concrete plugin: only apps name those";
  return undefined;
}

function checkReferences(one: Package, byName: ReadonlyMap<string, Package>): string[] {
  const wanted = neededOf(one, byName).flatMap((name) => byName.get(name)?.folder ?? []);
  return [
    ...wanted
      .filter((folder) => !one.references.includes(folder))
      .map((folder) => `${one.folder}/tsconfig.json lacks a reference to ${folder}, a dependency`),
    ...one.references
      .filter((folder) => !wanted.includes(folder))
      .map((folder) => `${one.folder}/tsconfig.json refers to ${folder}, which is no dependency`),
  ];
}

function checkRootReferences(root: string, packages: readonly Package[]): string[] {
  const references = readReferences(root, ".");
  return packages
    .filter(({ folder }) => !references.includes(folder))
    .map(({ folder }) => `tsconfig.json lacks a reference to ${folder}: it would not be built`);
}

function checkNode(one: Package): string[] {
  if (!NODE_FREE.test(one.folder)) return [];
  return one.imports.flatMap(({ file, specifier, inTest }) => {
    if (inTest || NODE_PART_OF_KIT.test(file)) return [];
    const inNodePart = specifier.startsWith(".") && NODE_PART_OF_KIT.test(posix.join(posix.dirname(file), specifier));
    if (!isNodeModule(specifier) && specifier !== "@secateur/kit/node" && !inNodePart) return [];
    return [`${file} imports ${specifier}, but it has to run without Node`];
  });
}

/** The package that a specifier names; undefined for a file and for one of Node's own modules. */
function packageOf(specifier: string): string | undefined {
  if (/^[./#]/.test(specifier) || isNodeModule(specifier)) return undefined;
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function isNodeModule(specifier: string): boolean {
  return specifier.startsWith("node:") || builtinModules.includes(specifier);
}

function readPackages(root: string): Package[] {
  const groups = ["packages", "apps"].flatMap((group) => entriesOf(join(root, group)).map((name) => `${group}/${name}`));
  return [...groups, "tools", ...entriesOf(join(root, "tools")).map((name) => `tools/${name}`)]
    .filter((folder) => existsSync(join(root, folder, "package.json")))
    .map((folder) => readPackage(root, folder));
}

function readPackage(root: string, folder: string): Package {
  const manifest = readJson(join(root, folder, "package.json"));
  return {
    folder,
    name: manifest.name ?? folder,
    row: LAYERS.findIndex((layer) => layer.test(folder)),
    dependencies: new Set(Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies })),
    devDependencies: new Set(Object.keys(manifest.devDependencies ?? {})),
    optionalPeers: new Set(Object.entries(manifest.peerDependenciesMeta ?? {}).flatMap(([name, { optional }]) => (optional ? name : []))),
    references: readReferences(root, folder),
    imports: ["src", "test"].flatMap((part) => readImports(root, `${folder}/${part}`, part === "test")),
  };
}

function readImports(root: string, folder: string, inTest: boolean): Import[] {
  return entriesOf(join(root, folder), true).flatMap((path) => {
    if (!/\.[cm]?tsx?$/.test(path) || /(?:^|\/)fixtures\//.test(path)) return [];
    const file = `${folder}/${path}`;
    return importSpecifiers(readFileSync(join(root, file), "utf8")).map((specifier) => ({ file, specifier, inTest }));
  });
}

function readReferences(root: string, folder: string): string[] {
  const { references = [] } = readJson(join(root, folder, "tsconfig.json"));
  return references.map(({ path }) => relative(root, resolve(root, folder, path)).replaceAll("\\", "/"));
}

function entriesOf(folder: string, recursive = false): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive }) as string[]; // strings, as no encoding is asked for
  return names.map((name) => name.replaceAll("\\", "/")).sort();
}

/** What is read of a package.json or tsconfig.json. */
interface ConfigFile {
  readonly name?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly references?: readonly { readonly path: string }[];
}

function readJson(file: string): ConfigFile {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as ConfigFile) : {};
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const problems = checkGraph(fileURLToPath(new URL("../..", import.meta.url)));
  for (const problem of problems) console.error(problem);
  console.log(problems.length === 0 ? "the packages keep their order" : `${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
