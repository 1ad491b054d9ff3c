import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, type TestContext } from "vitest";
import { PLUGIN_KINDS } from "../src/new-plugin/names.ts";
import { type NewPlugin, newPlugin } from "../src/new-plugin/new-plugin.ts";
import { run } from "./run-cli.ts";

function newFolder({ onTestFinished }: Pick<TestContext, "onTestFinished">): string {
  const folder = mkdtempSync(join(tmpdir(), "secateur-new-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function begin(out: string, rest: Partial<NewPlugin> = {}): ReturnType<typeof newPlugin> {
  return newPlugin({ kind: "scorer", name: "mine", out, licence: "apache-2.0", author: undefined, version: "1.2.3", ...rest });
}

describe("a new plugin", () => {
  it.for(PLUGIN_KINDS)("is a whole package: %s", (kind, context) => {
    const folder = join(newFolder(context), "mine");
    const { files, package: name } = begin(folder, { kind });
    for (const file of ["package.json", "tsconfig.json", "README.md", "LICENSE", "src/index.ts", "test/index.test.ts"])
      expect(files).toContain(file);
    const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    expect(manifest).toMatchObject({ name, license: "Apache-2.0", peerDependencies: { "@secateur/kit": "^1.2.3" } });
    expect(manifest.keywords).toContain(`secateur-${kind}`);
    expect(readFileSync(join(folder, "test/index.test.ts"), "utf8")).toContain("@secateur/kit/testing");
    expect(readFileSync(join(folder, "LICENSE"), "utf8")).toContain("Apache License");
  });

  it.for([
    ["mine", "secateur-scorer-mine", "mine"],
    ["@you/mine", "@you/secateur-scorer-mine", "@you/mine"],
    ["secateur-scorer-mine", "secateur-scorer-mine", "mine"],
    ["@you/secateur-scorer-mine", "@you/secateur-scorer-mine", "@you/mine"],
  ])("called %s is the package %s and named by %s", ([name = "", packageName, reference], context) => {
    expect(begin(newFolder(context), { name })).toMatchObject({ package: packageName, reference });
  });

  it("names who holds the rights in the MIT licence", (context) => {
    const folder = newFolder(context);
    begin(folder, { licence: "mit", author: "Ada" });
    expect(readFileSync(join(folder, "LICENSE"), "utf8")).toContain(`Copyright (c) ${new Date().getFullYear()} Ada\n`);
  });

  it.each<[Partial<NewPlugin>, string]>([
    [{ kind: "poem" }, 'kind of plugin "poem": wanted scorer, fuser, allocator, loader, backend'],
    [{ kind: "toString" }, 'kind of plugin "toString": wanted scorer, fuser, allocator, loader, backend'],
    [{ licence: "gpl" }, '--license "gpl": wanted apache-2.0, mit'],
    ...["", "Mine", "my_scorer", "../mine", "a/b", "@you/", "@/x", "-a", "mine ", "3d", "x".repeat(230)].map(
      (name): [Partial<NewPlugin>, string] => [
        { name },
        `the name ${JSON.stringify(name)} cannot be a package's: wanted small letters and digits, in words parted by hyphens, such as my-scorer or @you/my-scorer`,
      ],
    ),
    [{ name: "@secateur/mine" }, 'the name "@secateur/mine" is of a scope that is not yours: give your own, or none'],
  ])("refuses %j", (rest, message) => {
    const out = join(tmpdir(), "secateur-never-made");
    expect(() => begin(out, rest)).toThrow(expect.objectContaining({ code: "usage", message }));
    expect(existsSync(out)).toBe(false);
  });

  it("refuses a folder with something in it, and leaves it as it is", async (context) => {
    const folder = newFolder(context);
    writeFileSync(join(folder, "mine.txt"), "mine");
    expect(() => begin(folder)).toThrow(expect.objectContaining({ code: "exists" }));
    expect(() => begin(join(folder, "mine.txt"))).toThrow(expect.objectContaining({ code: "exists" }));
    const { code, err } = await run(folder, "plugins", "new", "scorer", "x", "--out", ".");
    expect([code, err]).toEqual([2, "error: . exists and is not empty: give another folder with --out\n"]);
    expect(readdirSync(folder)).toEqual(["mine.txt"]);
  });

  it("leaves nothing behind where it cannot write", (context) => {
    const folder = newFolder(context);
    writeFileSync(join(folder, "file"), "");
    expect(() => begin(join(folder, "file/deeper/mine"))).toThrow(/ENOTDIR|EEXIST/);
    expect(() => begin(join(folder, "x".repeat(300)))).toThrow(/ENAMETOOLONG/);
    expect(readdirSync(folder)).toEqual(["file"]);
  });
});
