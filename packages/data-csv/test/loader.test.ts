import { execFile } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { createGzip, gzipSync } from "node:zlib";
import { createCsvLoader } from "@secateur/data-csv";
import type { Document, LoadOptions, LoadReport } from "@secateur/kit";
import { LINE_LIMITS } from "@secateur/kit/node";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "data-csv-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function load(
  content: string | Uint8Array,
  options: LoadOptions = {},
  name = "a.csv",
  limits = LINE_LIMITS,
): Promise<{ documents: Document[]; report: LoadReport }> {
  await writeFile(join(folder, name), content);
  const report = { rows: 0, empty: 0, duplicates: 0 };
  const documents: Document[] = [];
  for await (const document of createCsvLoader(limits).load(join(folder, name), options, report)) documents.push(document);
  return { documents, report };
}

async function texts(content: string | Uint8Array, options: LoadOptions = {}, name = "a.csv") {
  return (await load(content, options, name)).documents.map((row) => [row.origin.line, row.kind === "text" && row.text]);
}

/** A table as RFC 4180 writes it. */
function table(rows: readonly (readonly string[])[], delimiter = ","): string {
  return rows.map((row) => `${row.map((field) => `"${field.replaceAll('"', '""')}"`).join(delimiter)}\r\n`).join("");
}

describe("records", () => {
  test.each([
    [
      "plain",
      "text\none\ntwo\n",
      [
        [2, "one"],
        [3, "two"],
      ],
    ],
    [
      "no line end at the end",
      "text\none\ntwo",
      [
        [2, "one"],
        [3, "two"],
      ],
    ],
    ["a byte-order mark and \\r\\n", "\uFEFFtext,id\r\none,1\r\n", [[2, "one"]]],
    [
      "quotes, delimiters and line ends in fields",
      'text,id\n"a, ""b""\r\n\nc",1\n"d",2\n',
      [
        [2, 'a, "b"\n\nc'],
        [5, "d"],
      ],
    ],
    ["a header of two lines", '"the\ntext",text\na,b\n', [[3, "b"]]],
    [
      "blank lines",
      "text\n\none\n\n\ntwo\n\n",
      [
        [3, "one"],
        [6, "two"],
      ],
    ],
    ["spaces and single quotes, as they are", "text\n 'one' \n", [[2, " 'one' "]]],
    ["an empty file", "", []],
    ["blank lines alone", "\n\n", []],
    ["a header alone", "text\n", []],
  ])("%s", async (_, content, wanted) => {
    expect(await texts(content)).toEqual(wanted);
  });

  test("a file that ends in .tsv is parted at tabs, and .gz is unpacked", async () => {
    expect(await texts('id\ttext\n1\t"a\tb, c"\n', {}, "a.TSV")).toEqual([[2, "a\tb, c"]]);
    expect(await texts(gzipSync("id\ttext\n1\tb, c\n"), {}, "a.tsv.gz")).toEqual([[2, "b, c"]]);
    expect(await texts(gzipSync("id,text\n1,b\tc\n"), {}, "a.csv.gz")).toEqual([[2, "b\tc"]]);
  });

  test("any texts come back, line ends as \\n, each with its line", async () => {
    const field = fc.string({ unit: fc.constantFrom('"', ",", "\n", "\t", "a", "é", "\u2028", " ", "😊") });
    await fc.assert(
      fc.asyncProperty(fc.array(field, { minLength: 1 }), fc.constantFrom(",", "\t"), async (fields, delimiter) => {
        const name = delimiter === "," ? "a.csv" : "a.tsv";
        const { documents } = await load(
          table([["text", "id"], ...fields.map((text) => [text, "1"])], delimiter),
          { keepEmpty: true },
          name,
        );
        let line = 2;
        const wanted = fields.map((text) => {
          const at = line;
          line += text.split("\n").length;
          return { kind: "text", text, origin: { source: join(folder, name), line: at } };
        });
        expect(documents).toEqual(wanted);
      }),
      { numRuns: 50 },
    );
  });

  test("rows without content and repeated rows are counted", async () => {
    const { report } = await load('text,id\na,1\n"",2\na,1\n"a","1"\na,2\n');
    expect(report).toEqual({ rows: 5, empty: 1, duplicates: 2 });
  });
});

describe("columns", () => {
  const QUESTIONS = 'Why?,No,"Yes, so",B\nHow?,So,Thus,A\n';

  test("are named by the first record, and a template or fields take them", async () => {
    const { documents } = await load(`question,a,b,key\n${QUESTIONS}`, { template: "{question}|||{key}" });
    expect(documents).toMatchObject([
      { kind: "answer", prompt: "Why?", answer: "B", origin: { line: 2 } },
      { kind: "answer", prompt: "How?", answer: "A", origin: { line: 3 } },
    ]);
    expect(await texts(`question,a,b,key\n${QUESTIONS}`, { fields: { text: "b" } })).toEqual([
      [2, "Yes, so"],
      [3, "Thus"],
    ]);
  });

  test("are numbers where there is no header row and all that are named are numbers", async () => {
    const { documents, report } = await load(QUESTIONS, { template: "{1}|||{4}" });
    expect(documents).toMatchObject([
      { prompt: "Why?", answer: "B", origin: { line: 1 } },
      { prompt: "How?", answer: "A", origin: { line: 2 } },
    ]);
    expect(report.rows).toBe(2);
    expect(await texts(QUESTIONS, { fields: { text: "2" } })).toEqual([
      [1, "No"],
      [2, "So"],
    ]);
  });

  test("are names where the first record has numbers for names", async () => {
    expect(await texts("0,1\na,b\n", { template: "{1}" })).toEqual([[2, "b"]]);
  });

  test("are called as a template says where the first record is no header row that begins so", async () => {
    const template = {
      columns: ["question", "a", "b", "key"],
      prompt: "{question}",
      choices: [" {a}", " {b}"],
      labels: ["A", "B"],
      key: "{key}",
    };
    const wanted = [
      { kind: "choices", prompt: "Why?", choices: [" No", " Yes, so"], answer: 1 },
      { kind: "choices", prompt: "How?", choices: [" So", " Thus"], answer: 0 },
    ];
    expect((await load(QUESTIONS, { template })).documents).toMatchObject(wanted);
    expect((await load(`question,a,b,key\n${QUESTIONS}`, { template })).documents).toMatchObject(wanted);
  });

  test("may be called like a property of every object", async () => {
    expect(await texts("__proto__,text\na,b\n", { template: "{__proto__}{text}" })).toEqual([[2, "ab"]]);
  });

  test("a range of rows counts from the first after the header", async () => {
    expect(await texts("text\na\n\nb\nc\n", { rows: { from: 1, to: 2 } })).toEqual([[4, "b"]]);
    expect(await texts("a\nb\nc\n", { rows: { to: 1 }, template: "{1}" })).toEqual([[1, "a"]]);
  });
});

describe("refused", () => {
  test.each([
    ["too few fields", "text,b\n1,2\n\n3\n", {}, 4, '1 column, wanted 2 as in line 1: "text", "b"'],
    ["too many fields", 'text\n"x\ny"\na,b,c\n', {}, 4, '3 columns, wanted 1 as in line 1: "text"'],
    ["too few fields without a header", "\na,b\nc\n", { template: "{2}" }, 3, '1 column, wanted 2 as in line 2: "1", "2"'],
    [
      "other columns than a template says",
      "a,b,c\n1,2,3\n",
      { template: { columns: ["x", "y"], text: "{x}" } },
      1,
      '3 columns, wanted 2 by the template: "x", "y"',
    ],
    ["a column that is not there", "a,b\n1,2\n", { template: "{c}" }, 2, 'the template\'s column "c" is missing, the row has "a", "b"'],
    ["a number past the columns", "1,2\n", { template: "{3}" }, 1, 'the template\'s column "3" is missing, the row has "1", "2"'],
    ["another delimiter", "text;id\na;1\n", { template: "{text}" }, 2, 'the template\'s column "text" is missing, the row has "text;id"'],
    [
      "two columns of one name",
      "a,b,a\n1,2,3\n",
      {},
      1,
      "two columns are called \"a\"; a table without a header row is read by numbers, as in --template '{1}|||{2}'",
    ],
    ["a quote that is never closed", 'text\nx\n\n\n"a\nb\n', {}, 5, "a quote of the record that begins here is never closed"],
    ["a quote in the header that is never closed", '"text\nb\n', {}, 1, "a quote of the record that begins here is never closed"],
    [
      "a quote inside of a plain field",
      'text\n5" pipe\n',
      {},
      2,
      'a quote inside of a field without quotes around it: write "" for it, and quotes around the field',
    ],
    [
      "text after a closing quote",
      'text\n"5" pipe\n',
      {},
      2,
      'text after the closing quote of a field: write "" for a quote inside of one',
    ],
    ["bytes that are not UTF-8", Buffer.from("text\nok\nna\u00efve\n", "latin1"), {}, 3, "the bytes are not UTF-8 text"],
    ["bytes of no text at all", Buffer.from([0x50, 0x4b, 3, 4, 0xff, 0xfe]), {}, 1, "the bytes are not UTF-8 text"],
  ])("%s", async (_, content, options, line, message) => {
    const file = join(folder, "a.csv");
    await expect(load(content, options)).rejects.toMatchObject({
      code: "data",
      message: `${file}, line ${line}: ${message}`,
      where: { file, line },
    });
  });

  test("a record past its limit, from its first line", async () => {
    const limits = { lineBytes: 2 ** 20, unpackedBytes: LINE_LIMITS.unpackedBytes };
    await expect(load(`text\nok\n"open\n${"word\n".repeat(300_000)}`, {}, "a.csv", limits)).rejects.toMatchObject({
      code: "data",
      message: `${join(folder, "a.csv")}, line 3: the record that begins here has more than 1 MiB, the most that one may have: is a quote left open?`,
    });
  });

  test("a damaged archive", async () => {
    const packed = gzipSync("text\none\n");
    packed[packed.length - 6] = 0xff ^ (packed.at(-6) as number);
    await expect(load(packed, {}, "a.csv.gz")).rejects.toMatchObject({
      code: "data",
      message: expect.stringContaining("the gzip archive is damaged"),
    });
  });
});

test("a table of 150 MB is read to its end in memory that does not grow with it", async () => {
  async function* rows(): AsyncGenerator<string> {
    yield "id,text\n";
    const text = 'lorem ""ipsum"", dolor\n'.repeat(80);
    for (let block = 0; block < 800; block++) yield Array.from({ length: 100 }, (_, i) => `${100 * block + i},"${text}"\n`).join("");
  }
  const file = join(folder, "large.csv.gz");
  await pipeline(Readable.from(rows()), createGzip({ level: 1 }), createWriteStream(file));
  const script = `
    import { csvLoader } from "@secateur/data-csv";
    const report = { rows: 0, empty: 0, duplicates: 0 };
    let characters = 0;
    for await (const { text } of csvLoader.load(process.argv.at(-1), {}, report)) characters += text.length;
    const mebibytes = process.resourceUsage().maxRSS / 1024;
    process.stdout.write(JSON.stringify({ rows: report.rows, characters, mebibytes, bounded: mebibytes < 280 }));`;
  const args = ["--conditions", "source", "--import", "tsx", "--input-type", "module", "--eval", script, file];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname });
  // Held, the texts alone would take 141 MiB beside the 170 or so of the program.
  expect(JSON.parse(stdout)).toMatchObject({ rows: 80_000, characters: 80_000 * 80 * 21, bounded: true });
});
