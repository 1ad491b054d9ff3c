import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { tempFolder } from "./temp-folder.ts";

const pathTo = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const REPORTERS = [
  [pathTo("../src/conformance-table.ts"), { backends: ["exact", "exact on gpu", "quick"] }],
  pathTo("../src/closing-line.ts"),
];

/** Runs vitest on these files and gives what is printed by the table and by the closing line after it. */
function printed(files: Readonly<Record<string, string>>, ...given: readonly string[]): string[] {
  const config = `export default { test: { globals: true, reporters: ${JSON.stringify(REPORTERS)} } };`;
  const root = tempFolder({ ...files, "vitest.config.js": config });
  const { stdout } = spawnSync(process.execPath, [pathTo("../../node_modules/vitest/vitest.mjs"), "run", "--root", root, ...given], {
    encoding: "utf8",
    env: { PATH: process.env.PATH },
  });
  return stdout.trimEnd().split("\n");
}

const CONTRACT = `
  const laws = (name, broken) => describe(name + " as a backend", () => {
    describe("ops", () => { test("add", () => {}); test("mul", () => { if (broken) throw new Error("no"); }); });
    describe("a block", () => { describe("of one layer", () => test("runs", () => {})); });
  });
  laws("exact");
  laws("quick", true);
  laws("a backend without a column");
  const missing = "there is no GPU";
  describe("exact on gpu as a backend", () => test(missing, ({ skip }) => skip(missing)));`;

const SCORES = `
  for (const name of ["exact", "exact on gpu", "quick"])
    describe("scores on " + name, () => {
      beforeAll(() => { if (name === "exact on gpu") throw new Error("the device is lost"); });
      test("are finite", () => {});
      test("of rows so long that the name of this test does not fit beside three columns of cells at all", ({ skip }) => {
        skip(name === "quick", "slow: " + "word ".repeat(30) + "end");
      });
      if (name === "exact") test.each([1, 2])("twice by one name", () => {});
    });
  describe("scores on another", () => test("are finite", () => {}));`;

test("has a row for a test or a suite of tests, a column for a backend, and the reason for what is skipped", () => {
  expect(printed({ "contract.test.js": CONTRACT, "scores.test.js": SCORES })).toEqual([
    "",
    "tests on backends: ✓ passed, ✗ failed, · not run, a letter: skipped for the reason below",
    "",
    "                                                                                         quick ┐",
    "                                                                             exact on gpu ┐    │",
    "                                                                               exact ┐    │    │",
    "contract",
    "  ops                                                                                2/2  a    1/2✗",
    "  a block                                                                            1/1  a    1/1",
    "scores",
    "  are finite                                                                         ✓    ✗    ✓",
    "  of rows so long that the name of this test does not fit beside three columns of c… ✓    ✗    b",
    "  twice by one name                                                                  2/2  ·    ·",
    "",
    "a  there is no GPU",
    "b  slow: word word word word word word word word word word word word word word word word word word",
    "   word word word word word word word word word word word word end",
    "",
    "4 skipped",
    "14 passed, 2 failed",
  ]);
});

test("has what a run was asked for and nothing else", () => {
  const lines = printed({ "contract.test.js": CONTRACT, "scores.test.js": SCORES }, "-t", "as a backend ops add|there is no GPU");
  expect(lines.slice(3, -3)).toEqual([
    "           quick ┐",
    "exact on gpu ┐   │",
    "   exact ┐   │   │",
    "contract",
    "  ops    1/1 a   1/1",
    "",
    "a  there is no GPU",
  ]);
});

test("says why a backend is missing where no other has such a suite", () => {
  const missing = `describe("runs on exact on gpu", () => test("no", ({ skip }) => skip("no")));`;
  expect(printed({ "a.test.js": missing }).slice(3, -2)).toEqual(["exact on gpu ┐", "runs", "  all        a", "", "a  no", ""]);
});

test("is not there where no suite is on a backend", () => {
  const files = { "a.test.js": `describe("works on another", () => test("a", () => {}));` };
  expect(printed(files)).toEqual(["1 passed, 0 failed"]);
});
