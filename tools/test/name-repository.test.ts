import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { nameRepository } from "../src/name-repository.ts";
import { tempFolder } from "./temp-folder.ts";

test("each package names the repository and its folder in it, and keeps what it said", () => {
  const root = tempFolder({
    "packages/kit/package.json": '{"name": "@secateur/kit", "version": "1.0.0"}',
    "packages/notes.txt": "",
    "apps/cli/package.json": '{"name": "secateur", "repository": "elsewhere"}',
  });
  nameRepository(root, "https://example.org/you/secateur");
  const manifest = (folder: string): unknown => JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
  const repository = { type: "git", url: "git+https://example.org/you/secateur.git" };
  expect(manifest("packages/kit")).toEqual({
    name: "@secateur/kit",
    version: "1.0.0",
    repository: { ...repository, directory: "packages/kit" },
  });
  expect(manifest("apps/cli")).toEqual({ name: "secateur", repository: { ...repository, directory: "apps/cli" } });
});
