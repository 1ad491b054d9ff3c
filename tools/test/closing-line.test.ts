import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { tempFolder } from "./temp-folder.ts";

const vitest = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));
const reporter = fileURLToPath(new URL("../src/closing-line.ts", import.meta.url));

/** Runs vitest on these files and gives what the reporter prints, and the exit code. */
function closing(files: Readonly<Record<string, string>>): [lines: string[], code: number | null] {
  const root = tempFolder(files);
  const { stdout, status } = spawnSync(process.execPath, [vitest, "run", "--globals", "--root", root, "--reporter", reporter], {
    encoding: "utf8",
    env: { PATH: process.env.PATH },
  });
  return [stdout.trimEnd().split("\n"), status];
}

test("passed, failed and skipped tests are counted, and what fails outside a test", () => {
  const files = {
    "pass.test.js": `test("a", () => {}); describe("b", () => { test.each([1, 2])("%i", () => {}); });`,
    "fail.test.js": `test("a", () => { throw new Error("no"); }); test.fails("b", () => { throw new Error("no"); });`,
    "skip.test.js": `test.skip("a", () => {}); test.todo("b"); test("c", ({ skip }) => skip());`,
    "load.test.js": `throw new Error("no"); test("a", () => {});`,
    "empty.test.js": "",
    "hook.test.js": `describe("a", () => { beforeAll(() => { throw new Error("no"); }); test("b", () => {}); });`,
    "unhandled.test.js": `test("a", async () => { Promise.reject(new Error("no")); await new Promise((done) => setImmediate(done)); });`,
  };
  // Failed: a test, three files or hooks (load, empty, hook) and an error that nothing caught; the hook's own test is skipped.
  expect(closing(files)).toEqual([["4 skipped", "5 passed, 5 failed"], 1]);
});

test("a run in which all is well fails nothing", () => {
  expect(closing({ "a.test.js": `test("a", () => {});` })).toEqual([["1 passed, 0 failed"], 0]);
});
