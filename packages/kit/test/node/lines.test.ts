import { mkdtemp, readdir, readlink, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { decodeLine, LINE_LIMITS, type LineLimits, readLines, repeatDetector } from "@secateur/kit/node";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lines-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  await writeFile(join(folder, name), content);
  return join(folder, name);
}

async function lines(source: string, limits: LineLimits = LINE_LIMITS): Promise<string[]> {
  const found: string[] = [];
  for await (const line of readLines(source, limits)) {
    expect(line.number).toBe(found.length + 1);
    found.push(decodeLine(line, source));
  }
  return found;
}

describe("readLines", () => {
  test.each([
    ["nothing", "", []],
    ["a byte-order mark alone", "\uFEFF", []],
    ["one line without an end", "a", ["a"]],
    ["one line with an end", "a\n", ["a"]],
    ["an empty line in the middle", "a\n\nb\n", ["a", "", "b"]],
    ["an empty first line", "\na", ["", "a"]],
    ["\\r\\n", "a\r\nb\r\n", ["a", "b"]],
    ["only one \\r is dropped", "a\r\r\n", ["a\r"]],
    ["a \\r alone does not end a line", "a\rb\n", ["a\rb"]],
    ["a byte-order mark first", "\uFEFFa\n\uFEFFb", ["a", "\uFEFFb"]],
    ["a byte-order mark and an empty line", "\uFEFF\r\na", ["", "a"]],
    ["U+2028, U+2029, U+0085 and form feed do not end a line", "a\u2028b\u2029c\u0085d\f\ve\nf", ["a\u2028b\u2029c\u0085d\f\ve", "f"]],
  ])("%s", async (_, content, wanted) => {
    expect(await lines(await file("a.txt", content))).toEqual(wanted);
    expect(await lines(await file("a.txt.gz", gzipSync(content)))).toEqual(wanted);
  });

  test("lines that span the chunks of reading come out whole", async () => {
    const line = fc.string({ unit: fc.constantFrom("a", "\u00e4", "\ud83d\ude0a", "\r", "\u2028"), maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 6 }), fc.integer({ min: 262_130, max: 262_150 }), async (rest, first) => {
        const all = ["x".repeat(first), ...rest];
        const wanted = all.map((text) => text.replace(/\r$/, ""));
        expect(await lines(await file("long.txt", `${all.join("\n")}\n`))).toEqual(wanted);
      }),
      { numRuns: 30 },
    );
  });

  test("archives of several members are read to the end", async () => {
    expect(await lines(await file("two.gz", Buffer.concat([gzipSync("a\nb"), gzipSync("c\nd\n")])))).toEqual(["a", "bc", "d"]);
  });

  test("stops reading and closes the file when the consumer stops", async () => {
    const plain = await file("sparse.txt", "1\n2\n3\n");
    await truncate(plain, 600 * 2 ** 20);
    const packed = await file("zeros.txt.gz", gzipSync(Buffer.concat([Buffer.from("1\n2\n3\n"), Buffer.alloc(2 ** 24)])));
    for (const source of [plain, packed]) {
      let taken = 0;
      for await (const _ of readLines(source)) if (++taken === 2) break;
      expect(taken).toBe(2);
      expect(await openFiles()).not.toContain(source);
    }
  });

  test("a line as long as the limit is read", async () => {
    const limits = { lineBytes: 5, unpackedBytes: 100 };
    expect(await lines(await file("a.txt", "\uFEFF12345\r\n12345"), limits)).toEqual(["12345", "12345"]);
  });

  test.each([
    ["long.txt", "ok\n123456\n", "data", "FILE, line 2: longer than 5 bytes, the most that one line may have", 2],
    ["long.txt", "ok\n1234567890123", "data", "FILE, line 2: longer than 5 bytes, the most that one line may have", 2],
    ["big.gz", gzipSync("1\n2\n".repeat(20)), "data", "FILE: unpacks to more than 64 bytes, the most that is read of one file", undefined],
    ["not.gz", "plain text", "data", "FILE: the gzip archive is damaged (incorrect header check)", undefined],
    ["cut.gz", gzipSync("1\n2\n3").subarray(0, 15), "data", "FILE: the gzip archive is damaged (unexpected end of file)", undefined],
  ] as const)("%s is refused: %#", async (name, content, code, message, line) => {
    const source = await file(name, content);
    const where = line === undefined ? { file: source } : { file: source, line };
    const run = lines(source, { lineBytes: 5, unpackedBytes: 64 });
    await expect(run).rejects.toMatchObject({ code, where, message: message.replace("FILE", source) });
    expect(await openFiles()).not.toContain(source);
  });

  test("a missing file and a folder are refused", async () => {
    const missing = join(folder, "missing.txt");
    await expect(lines(missing)).rejects.toMatchObject({
      code: "not-found",
      message: `${missing}: no such file`,
      where: { file: missing },
    });
    const under = join(await file("a.txt", ""), "b.txt");
    await expect(lines(under)).rejects.toMatchObject({ code: "not-found" });
    await expect(lines(folder)).rejects.toMatchObject({ code: "input", message: `${folder}: is a folder, a file was wanted` });
  });
});

test("decodeLine refuses bytes that are not UTF-8 and names the line", async () => {
  const source = await file("latin1.txt", Buffer.from("ok\nna\u00efve\n", "latin1"));
  await expect(lines(source)).rejects.toMatchObject({
    code: "data",
    where: { file: source, line: 2 },
    message: `${source}, line 2: the bytes are not UTF-8 text`,
  });
});

test("repeatDetector notices what was there before, up to its capacity", () => {
  const repeats = repeatDetector(2);
  expect(["a", "b", "a", "c", "c", "b", Buffer.from("a")].map(repeats)).toEqual([false, false, true, false, false, true, true]);
});

/** The files that this process holds open, where the system tells. */
async function openFiles(): Promise<string[]> {
  const handles = await readdir("/proc/self/fd").catch(() => []);
  return Promise.all(handles.map((handle) => readlink(`/proc/self/fd/${handle}`).catch(() => "")));
}
