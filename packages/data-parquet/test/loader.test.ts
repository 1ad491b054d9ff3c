import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createParquetLoader } from "@secateur/data-parquet";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bytesOf, fixture, load } from "./support.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "data-parquet-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("rows", () => {
  test("are documents by their columns, with the number of the row", async () => {
    const { documents, report } = await load(fixture("groups"));
    expect(documents).toEqual(
      Array.from({ length: 400 }, (_, i) => ({
        kind: "answer",
        prompt: `${i} + ${i} =`,
        answer: ` ${2 * i}`,
        origin: { source: fixture("groups"), line: i + 1, unit: "row" },
      })),
    );
    expect(report).toEqual({ rows: 400, empty: 0, duplicates: 0 });
  });

  test.each(["none", "snappy", "gzip", "brotli", "zstd", "lz4"])("packed with %s are unpacked", async (codec) => {
    const { documents, report } = await load(fixture(`codec-${codec}`));
    expect(documents).toMatchObject([{ text: "a text ".repeat(20) }, { text: "another text ".repeat(20) }]);
    expect(report).toEqual({ rows: 3, empty: 1, duplicates: 0 });
  });

  test("in pages of version 2, where they repeat", async () => {
    const { documents, report } = await load(fixture("version-2"));
    expect(documents.map((row) => row.kind === "text" && row.text)).toEqual(Array.from({ length: 50 }, (_, i) => `text ${i % 7}`));
    expect(report).toEqual({ rows: 50, empty: 0, duplicates: 43 });
  });

  test("of a table without any", async () => {
    expect(await load(fixture("no-rows"))).toEqual({ documents: [], report: { rows: 0, empty: 0, duplicates: 0 } });
  });

  test("of conversations and of token ids", async () => {
    expect((await load(fixture("messages"))).documents).toMatchObject([
      {
        kind: "messages",
        messages: [
          { role: "user", content: "Hello" },
          { role: "assistant", content: "Good day." },
        ],
      },
      { kind: "messages", messages: [{ role: "user", content: "Bye" }] },
    ]);
    expect((await load(fixture("ids"))).documents).toMatchObject([{ ids: [1, 2, 3] }, { ids: [4, 2 ** 40] }]);
    expect((await load(fixture("ids-32"))).documents).toMatchObject([{ ids: [1, 2, 3] }, { ids: [4] }]);
  });

  test("with columns inside of columns", async () => {
    const { documents } = await load(fixture("questions"), { template: "{question}\n{choices.text}|||{answerKey}, {choices.label.1}" });
    expect(documents).toMatchObject([
      { prompt: "Which of these melts in the sun?\na stone\nice\na leaf\nsand", answer: "B, B" },
      { prompt: "What do bees make?\nhoney\nmilk\nwool", answer: "1, 2" },
      { prompt: "Which planet do we live on?\nMars\nVenus\nEarth\nSaturn", answer: "C, B" },
    ]);
  });

  test("with values of every kind", async () => {
    const template = "{long} {real} {flag} {day} {time} {price} [{words}] {label}";
    expect((await load(fixture("values"), { template })).documents).toMatchObject([
      { text: "7 1.5 true 2024-02-29T00:00:00.000Z 2024-02-29T12:30:00.000Z 12.5 [a\nb] yes" },
      { text: "1152921504606846976 -2 false 1969-12-31T00:00:00.000Z 1970-01-01T00:00:00.000Z 0.25 [] no" },
    ]);
  });
});

describe("refused", () => {
  const COLUMNS = '"long", "real", "flag", "day", "time", "price", "words", "void", "label"';
  const SHAPES =
    "the shapes are input_ids; messages; question + choices + answer; question + answer; prompt + choices + answer; prompt + answer; text";
  test.each([
    ["values", { template: "{label} {nothing}" }, 1, `the template's column "nothing" is missing, the row has ${COLUMNS}`],
    ["values", { template: "{nothing}" }, 1, `the template's column "nothing" is missing, the row has ${COLUMNS}`],
    ["values", { template: "{label} {words.x}" }, 1, `the template's column "words.x" is missing, the row has ${COLUMNS}`],
    ["values", { template: "{void}" }, 1, 'the template\'s column "void" is null, a text, number, boolean or array of texts was wanted'],
    ["values", {}, 1, `no shape of a row fits, the row has ${COLUMNS}, ${SHAPES}`],
    ["values", { fields: { text: "body" } }, 1, `the column "body" (text) is missing, the row has ${COLUMNS}`],
    ["values", { fields: { text: "real" }, rows: { from: 1 } }, 2, '"real" is the number -2, a text was wanted'],
    [
      "questions",
      { fields: { answer: "answerKey" }, rows: { from: 2 } },
      3,
      '"choices" is an object, an array of two texts or more was wanted',
    ],
  ])("a row of %s with %o", async (name, options, row, message) => {
    const source = fixture(name);
    await expect(load(source, options)).rejects.toMatchObject({
      code: "data",
      message: `${source}, row ${row}: ${message}`,
      where: { file: source, line: row },
    });
  });

  test("bytes that are not UTF-8", async () => {
    await expect(load(fixture("binary"))).rejects.toMatchObject({
      code: "data",
      message: expect.stringContaining(`${fixture("binary")}, from row 1 on: it cannot be read (`),
    });
  });

  test("a row group past its limit, but for one whose pages have an index", async () => {
    const small = createParquetLoader({ groupBytes: 1000 });
    await expect(load(fixture("groups"), {}, small)).rejects.toMatchObject({
      code: "data",
      message: expect.stringMatching(
        /from row 1 on: row group 1 unpacks to \d+ bytes in the columns asked for, of at most 1000 bytes: write the file with smaller row groups/,
      ),
    });
    expect((await load(fixture("pages"), {}, small)).documents).toHaveLength(3000);
  });

  const groups = bytesOf("groups");
  test.each<[string, Uint8Array]>([
    ["an empty file", new Uint8Array()],
    ["four bytes", groups.subarray(0, 4)],
    ["text", Buffer.from('{"text":"one"}\n'.repeat(10))],
    ["its first half", groups.subarray(0, groups.length / 2)],
    ["all but its last byte", groups.subarray(0, -1)],
    ["its end alone", groups.subarray(-600)],
    [
      "a description longer than the file",
      Buffer.concat([groups.subarray(0, -8), Buffer.from([0xff, 0xff, 0xff, 0x7f]), groups.subarray(-4)]),
    ],
    ["a page of zeros", Buffer.concat([groups.subarray(0, 4), Buffer.alloc(groups.length / 2), groups.subarray(4 + groups.length / 2)])],
    ["a description of nothing", Buffer.concat([groups.subarray(0, -8), Buffer.from([0, 0, 0, 0]), groups.subarray(-4)])],
    ["a description cut short", Buffer.concat([groups.subarray(0, -8), Buffer.from([100, 0, 0, 0]), groups.subarray(-4)])],
  ])("%s", async (_, bytes) => {
    const file = join(folder, "a.parquet");
    await writeFile(file, bytes);
    await expect(load(file)).rejects.toMatchObject({ code: "data", message: expect.stringContaining(`${file}`), where: { file } });
  });

  test("a missing file and a folder", async () => {
    await expect(load(join(folder, "missing.parquet"))).rejects.toMatchObject({ code: "not-found" });
    await expect(load(folder)).rejects.toMatchObject({ code: "input" });
  });
});
