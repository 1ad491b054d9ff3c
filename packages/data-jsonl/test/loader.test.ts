import { execFile } from "node:child_process";
import { truncate, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { jsonlLoader } from "@secateur/data-jsonl";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadingFolder } from "./files.ts";

const { load, path } = loadingFolder();

describe("line framing", () => {
  test("a byte-order mark, \\r\\n, an empty line, U+2028 in a text and no newline at the end", async () => {
    const content = '\uFEFF{"text":"one"}\r\n\r\n{"text":"two\u2028three"}\r\n  \n{"text":"four"}';
    const { documents, report } = await load(content);
    expect(documents).toEqual([
      { kind: "text", text: "one", origin: { source: path("a.jsonl"), line: 1 } },
      { kind: "text", text: "two\u2028three", origin: { source: path("a.jsonl"), line: 3 } },
      { kind: "text", text: "four", origin: { source: path("a.jsonl"), line: 5 } },
    ]);
    expect(report).toEqual({ rows: 5, empty: 2, duplicates: 0 });
  });

  test("an empty file has no rows", async () => {
    expect(await load("")).toEqual({ documents: [], report: { rows: 0, empty: 0, duplicates: 0 } });
  });

  test.each([".jsonl.gz", ".json.gz", ".ndjson.gz"])("a file that ends in %s is unpacked", async (ending) => {
    const { documents } = await load(gzipSync('{"text":"one"}\n{"text":"two"}\n'), {}, `a${ending}`);
    expect(documents).toMatchObject([{ text: "one" }, { text: "two" }]);
  });

  test("any texts come back, halves of surrogate pairs as U+FFFD", async () => {
    const anyText = fc.string({
      unit: fc.oneof(fc.constantFrom("\u2028", "\ud83d", "\ude0a", "\n", "\r"), fc.string({ unit: "binary" })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(anyText), async (texts) => {
        const { documents, report } = await load(texts.map((text) => `${JSON.stringify({ text })}\n`).join(""), { keepEmpty: true });
        expect(documents.map((document) => document.kind === "text" && document.text)).toEqual(
          texts.map((text) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(text))),
        );
        expect(report.rows).toBe(texts.length);
      }),
      { numRuns: 50 },
    );
  });
});

describe("what is counted", () => {
  test("an empty row is a document only where empty rows are asked for, a blank line never", async () => {
    const content = '{"text":"one"}\n\n{"text":""}\n{"text":"two"}\n';
    const texts = async (keepEmpty: boolean) =>
      (await load(content, { keepEmpty })).documents.map((row) => row.kind === "text" && row.text);
    expect(await texts(false)).toEqual(["one", "two"]);
    expect(await texts(true)).toEqual(["one", "", "two"]);
  });

  test("rows without content are skipped and counted, repeated rows are kept and counted", async () => {
    const rows = [
      '{"text":""}',
      '{"text":"a"}',
      '{"text":" "}',
      '{"text":"a"}',
      '{"text":"a" }',
      '{"text":""}',
      '{"prompt":"","answer":""}',
    ];
    const { documents, report } = await load(rows.join("\n"));
    expect(documents.map((document) => document.origin.line)).toEqual([2, 3, 4, 5]);
    expect(report).toEqual({ rows: 7, empty: 3, duplicates: 1 });
  });

  test("a lone surrogate is read as U+FFFD", async () => {
    const { documents } = await load('{"text":"\\ud83d"}\n{"text":"\\ud83d\\ude0a"}\n{"text":"\\ude0a\\ud83d"}');
    expect(documents).toMatchObject([{ text: "\uFFFD" }, { text: "\u{1f60a}" }, { text: "\uFFFD\uFFFD" }]);
  });
});

describe("refused", () => {
  test.each([
    ['{"text":"ok"}\n{"text": 5', 'not JSON, an object on one line was wanted, found {"text": 5', 2],
    ["[\n  {}\n]", "not JSON, an object on one line was wanted, found [", 1],
    [`\n${"x".repeat(100)}`, `not JSON, an object on one line was wanted, found ${"x".repeat(60)}…`, 2],
    ["[1, 2]", "an array of 2 was found, an object was wanted", 1],
    ["[]", "an empty array was found, an object was wanted", 1],
    ['"text"', 'the text "text" was found, an object was wanted', 1],
    ["5", "the number 5 was found, an object was wanted", 1],
    ["null", "null was found, an object was wanted", 1],
    [Buffer.from('{"text":"na\u00efve"}', "latin1"), "the bytes are not UTF-8 text", 1],
  ] as const)("%s", async (content, message, line) => {
    const source = path("a.jsonl");
    const error = { code: "data", where: { file: source, line }, message: `${source}, line ${line}: ${message}` };
    await expect(load(content)).rejects.toMatchObject(error);
  });

  test("a line or an archive past its limit", async () => {
    const limits = { lineBytes: 20, unpackedBytes: 40 };
    await expect(load('{"text":"one"}\n{"text":"one two three"}', {}, "a.jsonl", limits)).rejects.toMatchObject({
      code: "data",
      message: `${path("a.jsonl")}, line 2: longer than 20 bytes, the most that one line may have`,
    });
    await expect(load(gzipSync('{"text":"one"}\n'.repeat(5)), {}, "a.jsonl.gz", limits)).rejects.toMatchObject({
      code: "data",
      message: `${path("a.jsonl.gz")}: unpacks to more than 40 bytes, the most that is read of one file`,
    });
  });

  test("a damaged archive", async () => {
    const packed = gzipSync('{"text":"one"}\n');
    packed[packed.length - 6] = 0xff ^ (packed.at(-6) as number);
    await expect(load(packed, {}, "a.jsonl.gz")).rejects.toMatchObject({
      code: "data",
      message: `${path("a.jsonl.gz")}: the gzip archive is damaged (incorrect data check)`,
    });
  });

  test("a missing file and a folder", async () => {
    const first = (source: string) => jsonlLoader.load(source, {}, { rows: 0, empty: 0, duplicates: 0 })[Symbol.asyncIterator]().next();
    await expect(first(path("missing.jsonl"))).rejects.toMatchObject({ code: "not-found" });
    await expect(first(path(""))).rejects.toMatchObject({ code: "input" });
  });
});

describe("files and lines of unusual size", () => {
  test("a line of 50 MB is read", async () => {
    const text = "word ".repeat(10_000_000);
    const { documents } = await load(`{"text":"first"}\n${JSON.stringify({ text })}\n`);
    expect(documents.map((document) => document.kind === "text" && document.text.length)).toEqual([5, text.length]);
  });

  test("8 rows of a file of 600 MB are read in bounded memory", async () => {
    const rows = Array.from({ length: 8 }, (_, i) => `${JSON.stringify({ text: `row ${i} ${"x".repeat(1000)}` })}\n`);
    await writeFile(path("large.jsonl"), rows.join(""));
    // What follows is a hole in the file: a reader that went on would meet a line past its limit.
    await truncate(path("large.jsonl"), 600e6);
    expect(await peakMemory(path("large.jsonl"), 8)).toMatchObject({ rows: 8, bounded: true });
  });

  test("a file is read to its end in memory that does not grow with it", async () => {
    const block = Array.from({ length: 500 }, (_, i) => `${JSON.stringify({ text: `row ${i} ${"lorem ipsum ".repeat(160)}` })}\n`).join("");
    await writeFile(path("whole.jsonl.gz"), gzipSync(block.repeat(100), { level: 1 }));
    expect(await peakMemory(path("whole.jsonl.gz"), Number.POSITIVE_INFINITY)).toMatchObject({ rows: 50_000, bounded: true });
  });
});

/** Takes some rows of a file in a process of its own, and tells how many there were and whether it stayed below 400 MiB. */
async function peakMemory(source: string, samples: number): Promise<{ rows: number; bounded: boolean; mebibytes: number }> {
  const script = `
    import { jsonlLoader } from "@secateur/data-jsonl";
    const report = { rows: 0, empty: 0, duplicates: 0 };
    let taken = 0;
    for await (const _ of jsonlLoader.load(process.argv.at(-1), {}, report)) if (++taken === ${samples}) break;
    const mebibytes = process.resourceUsage().maxRSS / 1024;
    process.stdout.write(JSON.stringify({ rows: report.rows, mebibytes, bounded: mebibytes < 400 }));`;
  const args = ["--conditions", "source", "--import", "tsx", "--input-type", "module", "--eval", script, source];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname });
  return JSON.parse(stdout);
}
