import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { writeReference } from "../src/reference.ts";

const MANIFEST = JSON.stringify({ name: "@you/one", exports: { ".": { source: "./src/index.ts" }, "./package.json": "./package.json" } });

/** Writes the reference of a workspace of one package, and gives where, with what was wrong. */
async function reference(source: string, page = "# All\n"): Promise<{ out: string; problems: string[] }> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "secateur-docs-")));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const files = {
    "packages/one/package.json": MANIFEST,
    "packages/one/README.md": "# @you/one\n\nWhat the package is for.\n",
    "packages/one/src/index.ts": source,
    "docs/README.md": page,
    "docs/plugins/thing.md": "# A thing of your own\n\nHow to make one.\n",
    "tsconfig.json": JSON.stringify({ compilerOptions: { strict: true, lib: ["es2023"], types: [] }, include: ["packages/*/src"] }),
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const out = join(root, "docs/api");
  const index = join(root, "docs/README.md");
  const documents = [join(root, "docs/plugins/*.md")];
  return { out, problems: await writeReference({ root, out, tsconfig: join(root, "tsconfig.json"), index, documents }) };
}

const DOCUMENTED = "/** One of these. */\nexport interface Thing {\n  /** Turns it, in degrees. */\n  turn(by: number): void;\n}\n";

test("packages are named as they are imported, with their README and the pages beside them", async () => {
  const links = "# All\n\n[Thing](api/interfaces/_you_one.Thing.html), [how](plugins/thing.md), [one](../packages/one)\n";
  const { out, problems } = await reference(DOCUMENTED, links);
  expect(problems).toEqual([]);
  expect(readFileSync(join(out, "modules/_you_one.html"), "utf8")).toMatch(/Module @you\/one.*What the package is for/s);
  expect(readFileSync(join(out, "interfaces/_you_one.Thing.html"), "utf8")).toContain("Turns it, in degrees");
  const index = readFileSync(join(out, "index.html"), "utf8");
  for (const page of ["interfaces/_you_one.Thing.html", "documents/A_thing_of_your_own.html", "modules/_you_one.html"]) {
    expect(index).toContain(`href="${page}"`);
    expect(existsSync(join(out, page))).toBe(true);
  }
});

test.each<[what: string, source: string, page: string, problem: RegExp]>([
  ["an export without a docstring", `${DOCUMENTED}export const bare = 1;\n`, "# All\n", /bare .*does not have any documentation/],
  ["a method without one", "/** A. */\nexport interface A {\n  turn(): void;\n}\n", "# All\n", /A\.turn .*does not have any documentation/],
  [
    "a type that is not exported",
    "interface B {}\n/** A. */\nexport const a: B = {};\n",
    "# All\n",
    /B, .*not included in the documentation/,
  ],
  ["a link to nothing", "/** See {@link nowhere}. */\nexport const a = 1;\n", "# All\n", /resolve.*nowhere/],
  ["a link to no page of it", DOCUMENTED, "# All\n\n[it](api/interfaces/_you_one.Thong.html)\n", /_you_one\.Thong\.html is not a file/],
  ["what does not compile", "/** A. */\nexport const a: number = 'one';\n", "# All\n", /not assignable/],
])("%s is reported, and nothing is written", async (_, source, page, problem) => {
  const { out, problems } = await reference(source, page);
  expect(problems).toEqual([expect.stringMatching(problem)]);
  expect(existsSync(out)).toBe(false);
});
