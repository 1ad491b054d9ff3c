import { expect, test } from "vitest";
import { readUnpacked } from "../src/release/unpacked.ts";
import { releaseProblems } from "../src/release-check.ts";
import { tempFolder } from "./temp-folder.ts";

type Files = Readonly<Record<string, string | undefined>>;

const MANIFEST = {
  name: "@secateur/good",
  version: "1.2.3",
  license: "Apache-2.0",
  type: "module",
  sideEffects: false,
  engines: { node: ">=20.19" },
  files: ["dist"],
  exports: { ".": { types: "./dist/index.d.ts", default: "./dist/index.js" }, "./package.json": "./package.json" },
  dependencies: { permissive: "^1.0.0" },
};

/** A package that has no problem, with a dependency installed in it. */
const GOOD: Files = {
  "package.json": JSON.stringify(MANIFEST),
  LICENSE: "the licence",
  "README.md": "# good",
  "dist/index.js": 'import { one } from "permissive";\nexport const two = () => one + one;\n',
  "dist/index.d.ts": "export declare const two: () => number;\n",
  "node_modules/permissive/package.json": JSON.stringify({
    name: "permissive",
    version: "1.0.0",
    license: "MIT",
    type: "module",
    exports: { default: "./index.js" },
  }),
  "node_modules/permissive/index.js": "globalThis.setByAnother = 1; export const one = 1;\n",
};

function problemsWith(changed: Files): Promise<string[]> {
  const files = Object.entries({ ...GOOD, ...changed }).flatMap(([path, text]) => (text === undefined ? [] : [[path, text]]));
  return releaseProblems(readUnpacked(tempFolder(Object.fromEntries(files))));
}

const manifest = (changes: object): Files => ({ "package.json": JSON.stringify({ ...MANIFEST, ...changes }) });
const exporting = (entry: object): Files => manifest({ exports: { ".": entry, "./package.json": "./package.json" } });
const code = (text: string): Files => ({ "dist/index.js": `${GOOD["dist/index.js"]}${text}\n` });
const permissive = (changes: object): Files => ({
  "node_modules/permissive/package.json": JSON.stringify({ ...JSON.parse(GOOD["node_modules/permissive/package.json"] ?? ""), ...changes }),
});
const command = (version: string): Files => ({
  ...manifest({ bin: { good: "./dist/bin.js" } }),
  "dist/bin.js": `#!/usr/bin/env node\nconsole.log("${version}");\n`,
});

test.each<[string, Files]>([
  ["as it is", {}],
  ["with a licence of choice", manifest({ license: "(GPL-3.0-only OR MIT)" })],
  ["with a command", command("1.2.3")],
  [
    "with a peer that is looked for when it is wanted",
    manifest({ peerDependencies: { x: "1" }, peerDependenciesMeta: { x: { optional: true } } }),
  ],
  ["with a dependency for other systems", permissive({ optionalDependencies: { elsewhere: "1" } })],
])("a package in order has no problems: %s", async (_, changed) => {
  expect(await problemsWith(changed)).toEqual([]);
});

const tampered: Record<string, [changed: Files, problem: string]> = {
  "no licence": [manifest({ license: undefined }), "its licence is undefined, which is no permissive one"],
  "a licence that asks for more": [
    manifest({ license: "MIT AND GPL-3.0-only" }),
    'its licence is "MIT AND GPL-3.0-only", which is no permissive one',
  ],
  "no licence file": [{ LICENSE: undefined }, "it brings no LICENSE"],
  "no README": [{ "README.md": undefined }, "it brings no README.md"],
  "files that are not there": [manifest({ files: ["dist", "templates/"] }), '"files" names templates/, of which nothing is there'],
  "tests in the tarball": [{ "dist/a.test.js": "export {};" }, "it brings dist/a.test.js, which no user needs"],
  "what a build leaves": [{ "tsconfig.tsbuildinfo": "{}" }, "it brings tsconfig.tsbuildinfo, which no user needs"],
  "an export that is not there": [
    manifest({ exports: { ...MANIFEST.exports, "./more": { types: "./dist/index.d.ts", default: "./dist/more.js" } } }),
    '"exports" gives dist/more.js for ./more (default), which is not there',
  ],
  "declarations that are not there": [
    { "dist/index.d.ts": undefined },
    '"exports" gives dist/index.d.ts for . (types), which is not there',
  ],
  "a range of the workspace": [
    manifest({ dependencies: { permissive: "workspace:^" } }),
    "it depends on permissive by workspace:^, which no registry knows",
  ],
  "a dependency that asks for more": [
    permissive({ license: "AGPL-3.0-only" }),
    '@secateur/good depends on permissive 1.0.0, whose licence is "AGPL-3.0-only": no permissive one',
  ],
  "a dependency of a dependency that asks for more": [
    {
      ...permissive({ dependencies: { deep: "1" } }),
      "node_modules/deep/package.json": JSON.stringify({ name: "deep", version: "2.0.0", license: "SEE LICENSE IN x" }),
    },
    'permissive depends on deep 2.0.0, whose licence is "SEE LICENSE IN x": no permissive one',
  ],
  "an import that is not declared": [
    code('import "node:fs"; import "stray";'),
    "dist/index.js imports stray, which package.json does not declare",
  ],
  "a dynamic import that is not declared": [
    code('export const late = () => import("@stray/late/deep");'),
    "dist/index.js imports @stray/late, which package.json does not declare",
  ],
  "a resolution that is not declared": [
    code('export const where = (require2) => require2.resolve("stray/package.json");'),
    "dist/index.js imports stray, which package.json does not declare",
  ],
  "declarations that import what is not declared": [
    { "dist/index.d.ts": 'export declare const two: () => import("stray").Two;\n' },
    "dist/index.d.ts imports stray, which package.json does not declare",
  ],
  "a dependency that nothing imports": [
    manifest({ dependencies: { permissive: "1", picomatch: "1" } }),
    "package.json declares picomatch, which nothing imports",
  ],
  "a side effect that is not denied": [manifest({ sideEffects: undefined }), '"sideEffects" is undefined, not false'],
  "code that stays in an empty bundle": [
    { ...manifest({ sideEffects: true, dependencies: {} }), "dist/index.js": "globalThis.mine = 1;\nexport const two = () => 2;\n" },
    'a bundle that imports @secateur/good and uses nothing of it keeps "globalThis.mine=1;"',
  ],
  "an import that fails": [code("throw new Error('broken');"), "@secateur/good cannot be imported: broken"],
  "an import that prints": [code("console.log('hello');"), 'importing it prints "hello\\n"'],
  "an import that adds a global": [code("globalThis.mine = 1;"), "importing it adds the global mine"],
  "an import that listens": [code("process.on('SIGHUP', () => {});"), "importing it listens to the process for SIGHUP"],
  "an import that stays alive": [
    code("setInterval(() => {}, 1000);"),
    "importing it starts something that keeps the process alive: Timeout",
  ],
  "a command of another version": [command("1.2.2"), 'its command dist/bin.js --version says "1.2.2", not 1.2.3'],
  "a command that is not there": [{ ...command(""), "dist/bin.js": undefined }, "its command dist/bin.js is not there"],
  "types after the code": [
    exporting({ default: "./dist/index.js", types: "./dist/index.d.ts" }),
    'publint: pkg.exports["."].types should be the first in the object as conditions are order-sensitive so it can be resolved by TypeScript.',
  ],
  "declarations of CommonJS": [
    { ...exporting({ types: "./dist/index.d.cts", default: "./dist/index.js" }), "dist/index.d.cts": GOOD["dist/index.d.ts"] },
    "arethetypeswrong: FalseCJS at /node_modules/@secateur/good/dist/index.d.cts",
  ],
  "declarations that lead nowhere": [
    { "dist/index.d.ts": 'export * from "./gone.js";\n' },
    "arethetypeswrong: InternalResolutionError at /node_modules/@secateur/good/dist/index.d.ts",
  ],
};

test.each(Object.entries(tampered))("%s is found", async (_, [changed, problem]) => {
  expect(await problemsWith(changed)).toEqual(expect.arrayContaining([`@secateur/good: ${problem}`]));
});
