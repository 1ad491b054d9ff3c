import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bundleApp } from "../src/bundle.ts";
import { tempFolder } from "./temp-folder.ts";

const library = (name: string, changes: object = {}): Record<string, string> => ({
  [`node_modules/${name}/package.json`]: JSON.stringify({ name, version: "1.0.0", license: "MIT", author: "A. Writer", ...changes }),
  [`node_modules/${name}/index.js`]: `exports.value = require("node:path").basename("/in/${name}");`,
});

/** An app of two entries that share code, with one library in its bundle and one outside it. */
const APP: Readonly<Record<string, string>> = {
  "package.json": JSON.stringify({
    name: "app",
    version: "1.0.0",
    type: "module",
    dependencies: { outside: "1" },
    devDependencies: { inside: "1" },
  }),
  "src/shared.ts": 'import { value } from "inside";\nexport const shared: string = value;\n',
  "src/bin.ts": '#!/usr/bin/env node\nimport { shared } from "./shared.ts";\nconsole.log(shared, (await import("outside")).value);\n',
  "src/engine/child.ts": 'import { shared } from "../shared.ts";\nconsole.log("child", shared);\n',
  ...library("inside"),
  "node_modules/inside/LICENSE": "Permission is granted by inside",
  ...library("outside", { license: "GPL-3.0-only" }),
};

const ENTRIES = ["src/bin.ts", "src/engine/child.ts"];

test("an app's entries lie side by side and run, with what they share and bring in files of its own", async () => {
  const folder = tempFolder(APP);
  await bundleApp(folder, ENTRIES);
  const runs = (entry: string): string => execFileSync(process.execPath, [join(folder, "bundle", entry)], { encoding: "utf8" });
  expect([runs("bin.js"), runs("child.js")]).toEqual(["inside outside\n", "child inside\n"]);
  const sources = readdirSync(join(folder, "bundle")).map((name) => readFileSync(join(folder, "bundle", name), "utf8"));
  expect(sources.filter((source) => source.includes("/in/inside"))).toHaveLength(1);
  expect(sources.filter((source) => source.includes("/in/outside"))).toEqual([]);
});

test("the licence of what is in the bundle goes with it, and of nothing else", async () => {
  const folder = tempFolder(APP);
  await bundleApp(folder, ENTRIES);
  const notice = readFileSync(join(folder, "bundle/THIRD-PARTY.txt"), "utf8");
  expect(notice).toContain("inside 1.0.0 (MIT)\n\nPermission is granted by inside\n");
  expect(notice).not.toContain("outside");
});

test("a library without a licence file is named with its author", async () => {
  const { "node_modules/inside/LICENSE": _, ...files } = APP;
  const folder = tempFolder(files);
  await bundleApp(folder, ENTRIES);
  expect(readFileSync(join(folder, "bundle/THIRD-PARTY.txt"), "utf8")).toContain("inside 1.0.0 (MIT)\n\nCopyright A. Writer\n");
});

test.each<[string, object, string]>([
  [
    "asks for more",
    { license: "GPL-3.0-only" },
    'inside 1.0.0 is under "GPL-3.0-only", which is no permissive licence: leave it out of the bundle',
  ],
  ["says nothing", { license: undefined }, "inside 1.0.0 is under undefined, which is no permissive licence: leave it out of the bundle"],
])("a library whose licence %s is refused", async (_, changes, message) => {
  await expect(bundleApp(tempFolder({ ...APP, ...library("inside", changes) }), ENTRIES)).rejects.toThrow(message);
});

test("a library with neither licence text nor author is refused", async () => {
  const { "node_modules/inside/LICENSE": _, ...files } = { ...APP, ...library("inside", { author: undefined }) };
  await expect(bundleApp(tempFolder(files), ENTRIES)).rejects.toThrow("inside 1.0.0 brings no licence file and names no author");
});
