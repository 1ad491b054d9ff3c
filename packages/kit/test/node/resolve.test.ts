import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { z } from "zod";
import { defineScorer } from "../../src/index.ts";
import { createRegistry, importFile, installedPlugins, pluginHash, resolvePlugin } from "../../src/node.ts";
import { nativeImport } from "../native-import.ts";
import { tempFolder } from "../temp-folder.ts";

const wanda = defineScorer({
  name: "wanda",
  summary: "Built in.",
  options: z.object({}),
  create: () => ({ needs: [], selection: { group: "row", rule: "exact" }, score: async (layer) => layer.weights }),
});
const builtIns = createRegistry([wanda, { ...wanda, name: "magnitude" }]);

/** The text of a plugin that needs no package: what a scorer is, without the library that helps to write it. */
const text = (name: string, kind = "scorer") =>
  `{ contract: 1, kind: "${kind}", name: "${name}", summary: "S.", options: { "~standard": { version: 1, vendor: "mine", validate: (value) => ({ value }) } }, create() {} }`;
const module = (name: string) => `export default ${text(name)};`;
const manifest = (fields: object) => JSON.stringify({ version: "1.0.0", ...fields });
const find = (name: string, from: string) => resolvePlugin(builtIns, "scorer", name, { from, importModule: nativeImport });

/** The tsx of this repository, as if it were installed in a user's folder. */
function installTsx(folder: string): void {
  mkdirSync(join(folder, "node_modules"), { recursive: true });
  symlinkSync(fileURLToPath(new URL("../../../../node_modules/tsx", import.meta.url)), join(folder, "node_modules/tsx"), "dir");
}

test("a contributed plugin's hash follows its file; a built-in one has none", async () => {
  const hashOf = (content: string) => pluginHash(builtIns, "scorer", "./mine.mjs", { from: tempFolder({ "mine.mjs": content }) });
  expect(hashOf(module("mine"))).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(hashOf(module("mine"))).toBe(hashOf(module("mine")));
  expect(hashOf(module("other"))).not.toBe(hashOf(module("mine")));
  expect(pluginHash(builtIns, "scorer", "wanda", { from: tempFolder({}) })).toBeUndefined();
});

test("a built-in plugin comes before a package of its name", async () => {
  const from = tempFolder({
    "node_modules/@secateur/scorer-wanda/package.json": manifest({ type: "module", exports: "./x.js" }),
    "node_modules/@secateur/scorer-wanda/x.js": module("other"),
  });
  expect(await find("wanda", from)).toBe(wanda);
  expect((await find("@secateur/wanda", from)).name).toBe("other");
});

const packages: Record<string, [entry: string, fields: object, file: string]> = {
  "one string of exports": ["index.js", { type: "module", exports: "./index.js" }, module("found")],
  "exports for import alone": ["lib/a.mjs", { exports: { ".": { types: "./a.d.ts", import: "./lib/a.mjs" } } }, module("found")],
  "exports by condition, without a subpath": ["a.mjs", { exports: { import: "./a.mjs", require: "./none.cjs" } }, module("found")],
  "exports by nested conditions": ["a.mjs", { exports: { ".": { browser: "./b.js", node: { import: "./a.mjs" } } } }, module("found")],
  "exports as a list of choices": ["a.mjs", { exports: { ".": [{ deno: "./d.ts" }, "./a.mjs"] } }, module("found")],
  "a default condition": ["a.js", { type: "module", exports: { ".": { default: "./a.js" } } }, module("found")],
  "no exports but main": ["lib/main.js", { type: "module", main: "lib/main" }, module("found")],
  "no exports and no main": ["index.js", {}, `module.exports = ${text("found")};`],
  CommonJS: ["a.cjs", { exports: { require: "./a.cjs", default: "./a.cjs" } }, `module.exports = ${text("found")};`],
  "CommonJS compiled from an ES module": [
    "index.js",
    {},
    `Object.defineProperty(exports, "__esModule", { value: true }); exports.default = ${text("found")};`,
  ],
};

test.each(Object.entries(packages))("a package with %s is loaded", async (_, [entry, fields, file]) => {
  const from = tempFolder({
    "node_modules/secateur-scorer-mine/package.json": manifest(fields),
    [`node_modules/secateur-scorer-mine/${entry}`]: file,
    "deep/er/readme.md": "",
  });
  expect((await find("mine", join(from, "deep/er"))).name).toBe("found");
});

test.each([
  ["mine", "@secateur/scorer-mine"],
  ["mine", "secateur-scorer-mine"],
  ["secateur-scorer-mine", "secateur-scorer-mine"],
  ["@secateur/scorer-mine", "@secateur/scorer-mine"],
  ["@secateur/mine", "@secateur/scorer-mine"],
  ["@you/mine", "@you/secateur-scorer-mine"],
  ["@you/secateur-scorer-mine", "@you/secateur-scorer-mine"],
])("%s names the package %s", async (name, id) => {
  const from = tempFolder({
    [`node_modules/${id}/package.json`]: manifest({ type: "module" }),
    [`node_modules/${id}/index.js`]: module(id),
  });
  expect((await find(name, from)).name).toBe(id);
});

test("a name that two packages answer to is refused, and each has its full name", async () => {
  const from = tempFolder({
    "node_modules/@secateur/scorer-mine/package.json": manifest({ type: "module" }),
    "node_modules/@secateur/scorer-mine/index.js": module("official"),
    "node_modules/secateur-scorer-mine/package.json": manifest({ type: "module" }),
    "node_modules/secateur-scorer-mine/index.js": module("bare"),
  });
  await expect(find("mine", from)).rejects.toMatchObject({
    code: "plugin",
    message: `the scorer "mine" is in two packages, @secateur/scorer-mine and secateur-scorer-mine: say which by the package's full name`,
  });
  expect((await find("@secateur/scorer-mine", from)).name).toBe("official");
  expect((await find("secateur-scorer-mine", from)).name).toBe("bare");
});

test("a package finds itself from its own folder", async () => {
  const from = tempFolder({
    "package.json": manifest({ name: "secateur-scorer-mine", exports: "./a.mjs" }),
    "a.mjs": module("self"),
  });
  expect((await find("mine", from)).name).toBe("self");
});

test("files are found from the user's folder, whatever letters their paths have", async () => {
  const folder = "my#plugins/50% off/ä?";
  const from = tempFolder({
    [`${folder}/score.mjs`]: `export { default } from "./helper.js";`,
    [`${folder}/package.json`]: manifest({ type: "module" }),
    [`${folder}/helper.js`]: module("odd"),
    [`${folder}/score.cjs`]: `module.exports = ${text("odd-cjs")};`,
    "plain.js": `module.exports = ${text("plain")};`,
  });
  expect((await find(`./${folder}/score.mjs`, from)).name).toBe("odd");
  expect((await find(`${folder}/score.cjs`, from)).name).toBe("odd-cjs");
  expect((await find(join(from, folder, "score.mjs"), "/")).name).toBe("odd");
  expect((await find(pathToFileURL(join(from, folder, "score.mjs")).href, "/")).name).toBe("odd");
  expect((await find("../plain.js", join(from, "my#plugins"))).name).toBe("plain");
});

test("the same works in a process of its own, with the import of that process", () => {
  const folder = "my#plugins/50% off/ä?";
  const from = tempFolder({
    [`${folder}/score.mjs`]: module("odd"),
    "a b#.ts": `const name: string = "typed"; export default { ...${text("x")}, name };`,
  });
  const kit = fileURLToPath(new URL("../../src/node.ts", import.meta.url));
  const script = `
    const { createRegistry, resolvePlugin } = await import(${JSON.stringify(pathToFileURL(kit).href)});
    for (const name of ["./${folder}/score.mjs", "./a b#.ts"]) {
      console.log((await resolvePlugin(createRegistry([]), "scorer", name, { from: ${JSON.stringify(from)} })).name);
    }`;
  const root = fileURLToPath(new URL("../../../../", import.meta.url));
  const node = ["--conditions", "source", "--import", "tsx", "--input-type=module", "--eval", script];
  expect(execFileSync(process.execPath, node, { cwd: root, encoding: "utf8" })).toBe("odd\ntyped\n");
});

// An enum is TypeScript that no Node loads by itself, the newest included.
const typed = (name: string) => `enum E { A }\nexport default { ...${text(name)}, first: E.A };`;

test("TypeScript goes through the user's tsx", async () => {
  const from = tempFolder({
    "my #1/ä.ts": typed("typed"),
    "package.json": manifest({ type: "module" }),
    "x.mjs": `export { default } from "./b.ts";`,
    "b.ts": typed("b"),
  });
  installTsx(from);
  expect((await find("./my #1/ä.ts", from)).name).toBe("typed");
  expect((await find("./x.mjs", from)).name).toBe("b");
});

test("TypeScript in a folder without a package.json works too", async () => {
  const from = tempFolder({ "a.ts": typed("commonjs"), "b.mts": typed("module") });
  installTsx(from);
  expect((await find("./a.ts", from)).name).toBe("commonjs");
  expect((await find("./b.mts", from)).name).toBe("module");
});

test("TypeScript without tsx is an error that says how to get it", async () => {
  const from = tempFolder({ "a.ts": typed("typed") });
  await expect(find("./a.ts", from)).rejects.toMatchObject({
    code: "plugin",
    message: `the scorer "./a.ts" is TypeScript that Node ${process.version} does not load by itself: install tsx for it (npm install --save-dev tsx, in ${from}), or write it as JavaScript`,
    where: { file: join(from, "a.ts") },
    cause: expect.any(Error),
  });
});

test("what tsx cannot load is said by name", async () => {
  const from = tempFolder({ "what?/a.ts": typed("typed"), "b.ts": "export default {" });
  installTsx(from);
  await expect(find("./what?/a.ts", from)).rejects.toMatchObject({
    code: "plugin",
    message: `the scorer "./what?/a.ts" is TypeScript, and tsx loads no file with a "?" in its path: rename it, or write the file as JavaScript (.ts → .mjs)`,
  });
  await expect(find("./b.ts", from)).rejects.toMatchObject({
    code: "plugin",
    message: expect.stringMatching(/^cannot load the scorer "\.\/b\.ts": /),
  });
});

const faults: Record<string, [file: string, message: string]> = {
  "no default export": ["export const a = 1;", 'the scorer "./a.mjs" has no default export'],
  "another kind": [
    `export default ${text("x", "fuser")};`,
    'the scorer "./a.mjs" is a fuser: its default export says kind "fuser", not "scorer"',
  ],
  "an empty object": [
    "export default {};",
    'the scorer "./a.mjs" is no plugin: its default export lacks kind "scorer", contract 1 (what the define functions of @secateur/kit say), a name, a summary, options (a Standard Schema), a create function',
  ],
  "an older contract": [
    `export default { ...${text("x")}, contract: 0 };`,
    `the scorer "./a.mjs" is written for version 0 of @secateur/kit's contracts, and this is version 1: install a newer version of it`,
  ],
  "a newer contract": [
    `export default { ...${text("x")}, contract: 2, create: undefined };`,
    `the scorer "./a.mjs" is written for version 2 of @secateur/kit's contracts, and this is version 1: install a newer version of Secateur`,
  ],
  "no contract": [
    `export default { ...${text("x")}, contract: undefined };`,
    'the scorer "./a.mjs" is no plugin: its default export lacks contract 1 (what the define functions of @secateur/kit say)',
  ],
  "options that are no schema": [
    `export default { ...${text("x")}, options: { alpha: 1 } };`,
    'the scorer "./a.mjs" is no plugin: its default export lacks options (a Standard Schema)',
  ],
  "a fusion that is no name": [
    `export default { ...${text("x")}, fusion: 1 };`,
    'the scorer "./a.mjs" is no plugin: its default export lacks a fusion that is a name',
  ],
  "a function": [
    "export default () => 1;",
    'the scorer "./a.mjs" is no plugin: its default export lacks kind "scorer", contract 1 (what the define functions of @secateur/kit say), a name, a summary, options (a Standard Schema), a create function',
  ],
  "code that throws": ['throw new TypeError("boom");', 'cannot load the scorer "./a.mjs": boom'],
  "code that throws no error": ["throw 7;", 'cannot load the scorer "./a.mjs": 7'],
};

test.each(Object.entries(faults))("a module with %s is refused", async (_, [file, message]) => {
  const from = tempFolder({ "a.mjs": file });
  await expect(find("./a.mjs", from)).rejects.toMatchObject({ name: "SecateurError", code: "plugin", message });
});

test("what a module throws is kept as the cause", async () => {
  const from = tempFolder({ "a.mjs": 'import "nowhere";' });
  await expect(find("./a.mjs", from)).rejects.toMatchObject({
    message: `cannot load the scorer "./a.mjs": Cannot find package 'nowhere' imported from ${join(from, "a.mjs")}`,
    cause: { code: "ERR_MODULE_NOT_FOUND" },
  });
});

test.each([
  [{ exports: { require: "./a.cjs" } }, (file: string) => `${file} exports nothing to import as "."`],
  [{ exports: { ".": null } }, (file: string) => `${file} exports nothing to import as "."`],
  [{ exports: "../outside.js" }, (file: string) => `${file} exports nothing to import as "."`],
  [{ exports: "./dist/index.js" }, (file: string) => `${file} exports ./dist/index.js, which does not exist`],
])("a package with %j and nothing to import is refused", async (fields, message) => {
  const from = tempFolder({ "node_modules/secateur-scorer-mine/package.json": manifest(fields) });
  await expect(find("mine", from)).rejects.toMatchObject({
    code: "plugin",
    message: `cannot load the scorer "mine" from the package secateur-scorer-mine: ${message(join(from, "node_modules/secateur-scorer-mine/package.json"))}`,
  });
});

test("a package without an entry, or with a broken manifest, is refused by name", async () => {
  const from = tempFolder({
    "package.json": "{ broken in the user's folder: no matter",
    "node_modules/secateur-scorer-empty/package.json": manifest({}),
    "node_modules/secateur-scorer-broken/package.json": "{",
  });
  await expect(find("empty", from)).rejects.toMatchObject({
    code: "plugin",
    message: expect.stringContaining('cannot load the scorer "empty" from the package secateur-scorer-empty: Cannot find module'),
  });
  const broken = join(from, "node_modules/secateur-scorer-broken/package.json");
  await expect(find("broken", from)).rejects.toMatchObject({
    code: "plugin",
    message: expect.stringContaining(`cannot load the scorer "broken" from the package secateur-scorer-broken: ${broken} is not JSON: `),
  });
});

test("a file that is not there and a folder are refused", async () => {
  const from = tempFolder({ "plugins/a.mjs": module("a") });
  await expect(find("./b.mjs", from)).rejects.toMatchObject({
    code: "not-found",
    message: `the scorer "./b.mjs" is not there: no file ${join(from, "b.mjs")}`,
  });
  await expect(find("./plugins", from)).rejects.toMatchObject({
    code: "plugin",
    message: 'the scorer "./plugins" is a folder: name the file in it',
  });
});

test.each([
  ["wnada", `; did you mean "wanda"? (no package @secateur/scorer-wnada or secateur-scorer-wnada is installed for FROM)`],
  ["Wanda", `; did you mean "wanda"? (no package @secateur/scorer-Wanda or secateur-scorer-Wanda is installed for FROM)`],
  ["@you/mien", `; did you mean "@you/mine"? (no package @you/secateur-scorer-mien is installed for FROM)`],
  ["fisher", " (no package @secateur/scorer-fisher or secateur-scorer-fisher is installed for FROM)"],
  ["a/../../b", ""],
  ["a b", ""],
  ["", ""],
])("%j is unknown", async (name, rest) => {
  const from = tempFolder({ "node_modules/@you/secateur-scorer-mine/package.json": manifest({}) });
  await expect(find(name, from)).rejects.toMatchObject({
    code: "not-found",
    message: `no scorer is called "${name}": the scorers are @you/mine, magnitude, wanda${rest.replace("FROM", from)}`,
  });
});

test("without any plugin of a kind the message says so", async () => {
  const from = tempFolder({});
  await expect(resolvePlugin(builtIns, "allocator", "x", { from })).rejects.toMatchObject({
    message: `no allocator is called "x": there are no allocators (no package @secateur/allocator-x or secateur-allocator-x is installed for ${from})`,
  });
});

test("the plugins that are installed are listed as users name them", () => {
  const names = ["@secateur/scorer-fisher", "secateur-scorer-mine", "@you/secateur-scorer-x", "@you/other", "secateur-fuser-f", "secateur"];
  const from = tempFolder(Object.fromEntries(names.map((name) => [`node_modules/${name}/package.json`, manifest({})])));
  expect(installedPlugins("scorer", join(from, "deep"))).toEqual(["@you/x", "fisher", "mine"]);
  expect(installedPlugins("fuser", from)).toEqual(["f"]);
});

test("any default export of a file can be imported, with the error code that fits it", async () => {
  const from = tempFolder({ "secateur.config.mjs": "export default { sparsity: 0.5 };", "bad.mjs": "export default ;" });
  const options = { from, what: "the config", code: "input", importModule: nativeImport } as const;
  expect(await importFile(join(from, "secateur.config.mjs"), options)).toEqual({ sparsity: 0.5 });
  await expect(importFile(join(from, "bad.mjs"), options)).rejects.toMatchObject({
    code: "input",
    message: expect.stringContaining("cannot load the config: "),
    cause: expect.any(SyntaxError),
  });
});
