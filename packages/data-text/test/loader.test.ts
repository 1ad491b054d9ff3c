import { execFile } from "node:child_process";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { textLoader } from "@secateur/data-text";
import type { Document, LoadOptions, LoadReport } from "@secateur/kit";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "data-text-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function load(
  content: string | Uint8Array,
  name = "a.txt",
  options: LoadOptions = {},
): Promise<{ documents: Document[]; report: LoadReport; source: string }> {
  const source = join(folder, name);
  await writeFile(source, content);
  const report = { rows: 0, empty: 0, duplicates: 0 };
  const documents: Document[] = [];
  for await (const document of textLoader.load(source, options, report)) documents.push(document);
  return { documents, report, source };
}

describe("paragraphs", () => {
  test.each([
    ["an empty file", "", []],
    ["blank lines only", "\n \n\t\r\n\n", []],
    ["one paragraph without an end", "one\ntwo", [[1, "one\ntwo"]]],
    [
      "several blank lines between",
      "one\n\n\n \ntwo\nthree\n",
      [
        [1, "one"],
        [5, "two\nthree"],
      ],
    ],
    [
      "\\r\\n and a byte-order mark",
      "\uFEFFone\r\ntwo\r\n\r\nthree\r\n",
      [
        [1, "one\ntwo"],
        [4, "three"],
      ],
    ],
    ["blank lines first", "\n\none\n", [[3, "one"]]],
    ["spaces inside a paragraph are kept", "  one  \n\ttwo\n", [[1, "  one  \n\ttwo"]]],
    ["U+2028 parts nothing", "one\u2028\u2028two", [[1, "one\u2028\u2028two"]]],
  ])("%s", async (_, content, wanted) => {
    for (const [name, bytes] of [
      ["a.txt", content],
      ["a.txt.gz", gzipSync(content)],
    ] as const) {
      const { documents, report, source } = await load(bytes, name);
      expect(documents).toEqual(wanted.map(([line, text]) => ({ kind: "text", text, origin: { source, line } })));
      expect(report).toEqual({ rows: wanted.length, empty: 0, duplicates: 0 });
    }
  });

  test("what was joined by blank lines comes back", async () => {
    const line = fc.string({ unit: fc.constantFrom("a", "b", " ", "\u00e4", "\u2028"), maxLength: 6 }).map((text) => `x${text}`);
    const paragraph = fc.array(line, { minLength: 1, maxLength: 3 }).map((lines) => lines.join("\n"));
    await fc.assert(
      fc.asyncProperty(fc.array(paragraph), async (paragraphs) => {
        const { documents } = await load(paragraphs.join("\n\n"));
        expect(documents.map((document) => (document.kind === "text" ? document.text : undefined))).toEqual(paragraphs);
      }),
      { numRuns: 30 },
    );
  });

  test("a repeated paragraph gives a document and is counted", async () => {
    const { documents, report } = await load("one\n\ntwo\n\none\n");
    expect(documents).toHaveLength(3);
    expect(report).toEqual({ rows: 3, empty: 0, duplicates: 1 });
  });
});

describe("refused", () => {
  test.each([
    [{ template: "{text}" }, "plain text has no columns, so template cannot be used with it"],
    [{ fields: { text: "a" } }, "plain text has no columns, so fields cannot be used with it"],
    [{ template: "{text}", fields: { text: "a" } }, "plain text has no columns, so template and fields cannot be used with it"],
  ])("options %o", async (options, message) => {
    const source = join(folder, "a.txt");
    await expect(load("text", "a.txt", options)).rejects.toMatchObject({ code: "usage", message: `${source}: ${message}` });
  });

  test("a missing file", async () => {
    const report = { rows: 0, empty: 0, duplicates: 0 };
    const first = textLoader.load(join(folder, "missing.txt"), {}, report)[Symbol.asyncIterator]().next();
    await expect(first).rejects.toMatchObject({ code: "not-found" });
  });

  test("a paragraph without an end, by its first line", async () => {
    const paragraph = `${"x".repeat(2 ** 20)}\n`.repeat(65);
    await expect(load(`one\n\n${paragraph}`)).rejects.toMatchObject({
      code: "data",
      where: { file: join(folder, "a.txt"), line: 3 },
      message: `${join(folder, "a.txt")}: the paragraph from line 3 is longer than 64 MiB, put blank lines between its documents`,
    });
  });
});

test("a file of 600 MB is not read past the documents that are taken", async () => {
  const source = join(folder, "large.txt");
  await writeFile(source, "one\n\ntwo\n\nthree\n\n");
  await truncate(source, 600e6);
  const script = `
    import { textLoader } from "@secateur/data-text";
    const texts = [];
    for await (const { text } of textLoader.load(process.argv.at(-1), {}, { rows: 0, empty: 0, duplicates: 0 })) if (texts.push(text) === 2) break;
    process.stdout.write(JSON.stringify({ texts, mebibytes: process.resourceUsage().maxRSS / 1024 }));`;
  const args = ["--conditions", "source", "--import", "tsx", "--input-type", "module", "--eval", script, source];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname });
  const { texts, mebibytes } = JSON.parse(stdout);
  expect(texts).toEqual(["one", "two"]);
  expect(mebibytes).toBeLessThan(400);
});
