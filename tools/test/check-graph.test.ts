import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { checkGraph } from "../src/check-graph.ts";
import { tempFolder } from "./temp-folder.ts";

const repository = fileURLToPath(new URL("../../", import.meta.url));

test("the packages of this repository keep their order", () => {
  expect(checkGraph(repository)).toEqual([]);
});

interface Folder {
  readonly dependencies?: readonly string[];
  readonly devDependencies?: readonly string[];
  /** Peers that are optional. */
  readonly peers?: readonly string[];
  readonly references?: readonly string[];
  /** Path under the folder → text. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A repository of these packages. Each refers to its dependencies and is referred to by the root, unless it says otherwise. */
function repositoryOf(folders: Readonly<Record<string, Folder>>, rootReferences = Object.keys(folders)): string {
  const files: Record<string, string> = {
    "package.json": JSON.stringify({ devDependencies: { vitest: "*" } }),
    "tsconfig.json": JSON.stringify({ references: rootReferences.map((path) => ({ path })) }),
  };
  const nameOf = (folder: string) => (folder === "apps/cli" ? "secateur" : `@secateur/${folder.split("/").at(-1)}`);
  for (const [folder, { dependencies = [], devDependencies = [], peers = [], references, files: own = {} }] of Object.entries(folders)) {
    const up = folder.includes("/") ? "../.." : "..";
    const needed = folder.startsWith("apps/") ? [...dependencies, ...devDependencies] : dependencies;
    const paths = references ?? Object.keys(folders).filter((other) => needed.includes(nameOf(other)));
    const entries = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, "workspace:^"]));
    files[`${folder}/package.json`] = JSON.stringify({
      name: nameOf(folder),
      dependencies: entries(dependencies),
      devDependencies: entries(devDependencies),
      peerDependencies: entries(peers),
      peerDependenciesMeta: Object.fromEntries(peers.map((name) => [name, { optional: true }])),
    });
    files[`${folder}/tsconfig.json`] = JSON.stringify({ references: paths.map((path) => ({ path: `${up}/${path}` })) });
    for (const [path, text] of Object.entries(own)) files[`${folder}/${path}`] = text;
  }
  return tempFolder(files);
}

const imports = (...specifiers: string[]) => specifiers.map((specifier) => `import "${specifier}";`).join("\n");
const uses = (...dependencies: string[]): Folder => ({ dependencies, files: { "src/index.ts": imports(...dependencies) } });

const app = (...devDependencies: string[]): Folder => ({ devDependencies, files: { "src/index.ts": imports(...devDependencies) } });

const good: Record<string, Folder> = {
  "packages/tensor": {},
  "packages/kit": {
    dependencies: ["@secateur/tensor"],
    devDependencies: ["zod"],
    files: {
      "src/index.ts": imports("@secateur/tensor", "./errors.ts"),
      "src/node.ts": imports("./node/deep/a.ts", "./errors.ts"),
      "src/node/deep/a.ts": imports("node:fs", "../../errors.ts"),
      "test/a.test.ts": imports("node:fs", "vitest", "zod", "@secateur/kit", "@secateur/kit/node"),
      "test/fixtures/plugin.ts": imports("anything"),
    },
  },
  "packages/scorer-wanda": {
    ...uses("@secateur/kit"),
    devDependencies: ["@secateur/backend-reference"],
    files: { "src/index.ts": imports("@secateur/kit"), "test/a.test.ts": imports("@secateur/backend-reference") },
  },
  "packages/backend-reference": { ...uses("@secateur/tensor"), peers: ["a-runtime"] },
  "packages/text": {
    ...uses("@secateur/kit"),
    devDependencies: ["@secateur/scorer-wanda"],
    files: { "src/index.ts": imports("@secateur/kit/node", "fs"), "test/a.test.ts": imports("@secateur/scorer-wanda") },
  },
  "apps/engine": uses("@secateur/scorer-wanda", "@secateur/backend-reference"),
  "apps/cli": {
    ...app("@secateur/engine", "@secateur/text"),
    dependencies: ["a-native-library"],
  },
  tools: { ...uses("@secateur/scorer-wanda"), files: { "src/a.ts": imports("@secateur/scorer-wanda", "vitest/node") } },
};

test("a repository in order has no problems", () => expect(checkGraph(repositoryOf(good))).toEqual([]));

const violations: Record<string, [changed: Record<string, Folder>, problems: string[]]> = {
  "an import of a later layer": [
    { "packages/tensor": uses("@secateur/kit") },
    [
      "packages/tensor/src/index.ts imports @secateur/kit, which comes after it in the order of layers",
      "packages/tensor/package.json declares @secateur/kit, which comes after it in the order of layers",
    ],
  ],
  "a later layer that is only imported": [
    { "packages/tensor": { files: { "src/deep/a.ts": `export const a = () => import("@secateur/text");` } } },
    [
      "packages/tensor/src/deep/a.ts imports @secateur/text, which comes after it in the order of layers",
      "packages/tensor/src/deep/a.ts imports @secateur/text, which packages/tensor/package.json does not declare",
    ],
  ],
  "a plugin that imports a sibling": [
    { "packages/format-x": uses("@secateur/backend-reference") },
    [
      "packages/format-x/src/index.ts imports @secateur/backend-reference, its sibling: plugins do not know each other",
      "packages/format-x/package.json declares @secateur/backend-reference, its sibling: plugins do not know each other",
    ],
  ],
  "two packages of one layer": [
    { "packages/models": {}, "packages/fusion": uses("@secateur/models") },
    [
      "packages/fusion/src/index.ts imports @secateur/models, which is in its own layer",
      "packages/fusion/package.json declares @secateur/models, which is in its own layer",
    ],
  ],
  "a concrete plugin named below the apps": [
    { "packages/pipeline": uses("@secateur/scorer-wanda") },
    [
      "packages/pipeline/src/index.ts imports @secateur/scorer-wanda, a concrete plugin: only apps name those",
      "packages/pipeline/package.json declares @secateur/scorer-wanda, a concrete plugin: only apps name those",
    ],
  ],
  "a test that imports a later layer": [
    { "packages/tensor": { devDependencies: ["@secateur/kit"], files: { "test/a.test.ts": imports("@secateur/kit") } } },
    ["packages/tensor/test/a.test.ts imports @secateur/kit, which comes after it in the order of layers"],
  ],
  "an import that is not declared": [
    {
      "packages/runner": {
        devDependencies: ["zod"],
        files: { "src/a.ts": imports("zod", "vitest", "@scope/x/y"), "test/b.ts": imports("nope") },
      },
    },
    [
      "packages/runner/src/a.ts imports zod, which packages/runner/package.json does not declare",
      "packages/runner/src/a.ts imports vitest, which packages/runner/package.json does not declare",
      "packages/runner/src/a.ts imports @scope/x, which packages/runner/package.json does not declare",
      "packages/runner/test/b.ts imports nope, which packages/runner/package.json does not declare",
    ],
  ],
  "a dependency that only a test uses": [
    { "packages/runner": { dependencies: ["zod"], files: { "test/a.test.ts": imports("zod") } } },
    ["packages/runner/package.json declares zod, which nothing in its sources imports"],
  ],
  "an app that would be installed with what its bundle brings": [
    { "apps/cli": { ...app("@secateur/text"), dependencies: ["@secateur/text"], devDependencies: [] } },
    ["apps/cli/package.json declares @secateur/text as a dependency, but it is bundled: it belongs to devDependencies"],
  ],
  "what an app is built from and does not import": [
    { "apps/cli": { devDependencies: ["@secateur/text"] } },
    ["apps/cli/package.json declares @secateur/text, which nothing in its sources imports"],
  ],
  "an app that imports another": [
    { "apps/other": app("secateur") },
    [
      "apps/other/src/index.ts imports secateur, which is in its own layer",
      "apps/other/package.json declares secateur, which is in its own layer",
    ],
  ],
  "a package that names itself in its sources": [
    { "packages/text": { files: { "src/a.ts": imports("@secateur/text") } } },
    ["packages/text/src/a.ts imports its own package as @secateur/text: name the file"],
  ],
  "Node where there may be none": [
    {
      "packages/tensor": { files: { "src/a.ts": imports("node:fs"), "src/b.ts": imports("path") } },
      "packages/fusion": uses("@secateur/kit"),
      "packages/scorer-x": { dependencies: ["@secateur/kit"], files: { "src/index.ts": imports("@secateur/kit/node") } },
      "packages/kit": { files: { "src/index.ts": imports("./node/a.ts"), "src/testing.ts": imports("node:assert"), "src/node/a.ts": "" } },
    },
    [
      "packages/kit/src/index.ts imports ./node/a.ts, but it has to run without Node",
      "packages/kit/src/testing.ts imports node:assert, but it has to run without Node",
      "packages/scorer-x/src/index.ts imports @secateur/kit/node, but it has to run without Node",
      "packages/tensor/src/a.ts imports node:fs, but it has to run without Node",
      "packages/tensor/src/b.ts imports path, but it has to run without Node",
    ],
  ],
  "references that are not the dependencies": [
    { "packages/text": { ...uses("@secateur/kit"), references: ["packages/tensor"] } },
    [
      "packages/text/tsconfig.json lacks a reference to packages/kit, a dependency",
      "packages/text/tsconfig.json refers to packages/tensor, which is no dependency",
    ],
  ],
  "a package of no layer": [{ "packages/misc": {} }, ["packages/misc has no place in the table of layers"]],
};

test.each(Object.entries(violations))("%s is found", (_, [changed, problems]) => {
  expect(checkGraph(repositoryOf({ ...good, ...changed }))).toEqual(problems);
});

test("a package that the root does not build is found", () => {
  const without = Object.keys(good).filter((folder) => folder !== "packages/text");
  expect(checkGraph(repositoryOf(good, without))).toEqual(["tsconfig.json lacks a reference to packages/text: it would not be built"]);
});
