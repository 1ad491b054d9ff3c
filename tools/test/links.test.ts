import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { brokenLinks } from "../src/links.ts";
import { tempFolder } from "./temp-folder.ts";

const repository = fileURLToPath(new URL("../../", import.meta.url));

test("every relative link in this repository's pages leads somewhere", () => {
  const list = ["ls-files", "--cached", "--others", "--exclude-standard", "-z", "*.md"];
  const files = execFileSync("git", list, { cwd: repository, encoding: "utf8" }).split("\0");
  const pages = files.filter((file) => file !== "" && existsSync(join(repository, file)));
  expect(pages).toEqual(expect.arrayContaining(["README.md", "CONTRIBUTING.md", "docs/README.md", "packages/kit/README.md"]));
  expect(brokenLinks(repository, pages)).toEqual([]);
});

const OTHER = "# The other\n\n## What it `is`, and why\n\n## Twice\n\n## Twice\n\n```sh\n# no heading\n```\n";

test.each<[link: string, broken: RegExp | undefined]>([
  ["[a](docs/other.md)", undefined],
  ["[a](docs)", undefined],
  ["[a](docs/other.md#what-it-is-and-why)", undefined],
  ["[a](docs/other.md#twice-1)", undefined],
  ["[a](#here)", undefined],
  ["[a](https://example.org/none.md), [b](mailto:a@b.c)", undefined],
  ["`[a](none.md)`", undefined],
  ["```md\n[a](none.md)\n```", undefined],
  ["[a](docs/api/interfaces/A.html)", undefined],
  ["[a](none.md)", /line 3: none\.md leads to no file/],
  ["![a](docs/none.png)", /docs\/none\.png leads to no file/],
  ["[a]\n\n[a]: docs/none.md", /line 5: docs\/none\.md leads to no file/],
  ["[a](docs/other.md#why)", /docs\/other\.md has no heading #why/],
  ["[a](docs/other.md#no-heading)", /no heading #no-heading/],
  ["[a](docs/other.md#twice-2)", /no heading #twice-2/],
  ["[a](#there)", /no heading #there/],
])("%j", (link, broken) => {
  const root = tempFolder({ "page.md": `# Here\n\n${link}\n`, "docs/other.md": OTHER, "docs/README.md": "# Docs\n" });
  const problems = brokenLinks(root, ["page.md"]);
  expect(problems).toEqual(broken === undefined ? [] : [expect.stringMatching(broken)]);
});
