import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeHeader, headerLength, MAX_HEADER_BYTES, parseHeader } from "../src/index.ts";
import { DTYPES, expectError } from "./support.ts";

function fileOf(json: string | Uint8Array, dataBytes = 0, length?: bigint): Uint8Array {
  const header = Buffer.from(json as string);
  const out = Buffer.alloc(8 + header.length + dataBytes);
  out.writeBigUInt64LE(length ?? BigInt(header.length));
  header.copy(out, 8);
  return out;
}

function parse(file: Uint8Array): unknown {
  const length = headerLength(file, file.length, "f");
  return parseHeader(file.subarray(8, 8 + length), file.length, "f");
}

const entry = (begin: number, end: number, shape: readonly unknown[] = [(end - begin) / 4], dtype: unknown = "F32"): object => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

const tensors = (entries: Record<string, unknown>, dataBytes: number): Uint8Array => fileOf(JSON.stringify(entries), dataBytes);

const HUGE = `its shape is [9007199254740992], wanted an array of whole numbers from 0 to 9007199254740991`;

describe("a header is refused", () => {
  const cases: [name: string, file: Uint8Array, code: string, message: string][] = [
    [
      "of an empty file",
      new Uint8Array(),
      "format",
      "f: the file has 0 bytes, but a safetensors file begins with 8 bytes that give its header's length",
    ],
    [
      "of a file shorter than 8 bytes",
      new Uint8Array(7),
      "format",
      "f: the file has 7 bytes, but a safetensors file begins with 8 bytes that give its header's length",
    ],
    [
      "that is a Git LFS pointer",
      Buffer.from("version https://git-lfs.github.com/spec/v1\n"),
      "format",
      "f: the file is a Git LFS pointer, not the weights themselves: fetch them with `git lfs pull`",
    ],
    [
      "longer than the limit",
      fileOf("{}", 0, BigInt(MAX_HEADER_BYTES + 1)),
      "format",
      "f: the header is said to have 100000001 bytes; the limit is 100000000",
    ],
    [
      "longer than any number",
      fileOf("{}", 0, 2n ** 64n - 1n),
      "format",
      "f: the header is said to have 18446744073709551615 bytes; the limit is 100000000",
    ],
    [
      "longer than the file",
      fileOf("{}", 0, 3n),
      "format",
      "f: the header is said to have 3 bytes, but only 2 follow: the file is truncated",
    ],
    ["of no bytes", fileOf(""), "format", 'f: the header begins with nothing, wanted "{"'],
    ["that begins with a space", fileOf(" {}"), "format", 'f: the header begins with the byte 0x20, wanted "{"'],
    ["that is an array", fileOf("[]"), "format", 'f: the header begins with the byte 0x5b, wanted "{"'],
    ["that is not UTF-8", fileOf(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])), "format", "f: the header is not UTF-8"],
    ["that is not JSON", fileOf('{"ä":,}'), "format", 'f: the header is not valid JSON at byte 14: found ",", wanted a value'],
    [
      "that goes on after its object",
      fileOf("{}{}"),
      "format",
      'f: the header is not valid JSON at byte 10: found "{", wanted the end of the text',
    ],
    [
      "padded with zeros",
      fileOf("{}\0\0"),
      "format",
      'f: the header is not valid JSON at byte 10: found "\\u0000", wanted the end of the text',
    ],
    ["with a name twice", fileOf('{"a":1,"a":2}'), "format", 'f: the header is not valid JSON at byte 15: the key "a" is there twice'],
    [
      "with metadata that is no object",
      tensors({ __metadata__: ["pt"] }, 0),
      "format",
      'f: __metadata__ is ["pt"], wanted an object of strings',
    ],
    [
      "with metadata that is no string",
      tensors({ __metadata__: { step: 3 } }, 0),
      "format",
      'f: __metadata__ has 3 under "step", wanted a string',
    ],
    [
      "with an entry that is no object",
      tensors({ a: [] }, 0),
      "format",
      'f: tensor "a": its entry is [], wanted an object with dtype, shape and data_offsets',
    ],
    [
      "without a dtype",
      tensors({ a: { shape: [], data_offsets: [0, 4] } }, 4),
      "format",
      'f: tensor "a": its dtype is missing, wanted a string',
    ],
    ["with a dtype that is no string", tensors({ a: entry(0, 4, [1], 7) }, 4), "format", 'f: tensor "a": its dtype is 7, wanted a string'],
    [
      "with an unknown dtype",
      tensors({ a: entry(0, 4, [4], "F8_E4M3") }, 4),
      "unsupported",
      'f: tensor "a": its dtype F8_E4M3 is not supported',
    ],
    [
      "without a shape",
      tensors({ a: { dtype: "F32", data_offsets: [0, 4] } }, 4),
      "format",
      'f: tensor "a": its shape is missing, wanted an array of whole numbers from 0 to 9007199254740991',
    ],
    [
      "with a negative size",
      tensors({ a: entry(0, 4, [-1]) }, 4),
      "format",
      'f: tensor "a": its shape is [-1], wanted an array of whole numbers from 0 to 9007199254740991',
    ],
    [
      "with a size that is no whole number",
      tensors({ a: entry(0, 4, [0.5]) }, 4),
      "format",
      'f: tensor "a": its shape is [0.5], wanted an array of whole numbers from 0 to 9007199254740991',
    ],
    [
      "with a size that is text",
      tensors({ a: entry(0, 4, ["1"]) }, 4),
      "format",
      'f: tensor "a": its shape is ["1"], wanted an array of whole numbers from 0 to 9007199254740991',
    ],
    [
      "with a size past exact numbers",
      fileOf('{"a":{"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,0]}}'),
      "format",
      `f: tensor "a": ${HUGE}`,
    ],
    [
      "with more elements than can be counted",
      tensors({ a: entry(0, 4, [2 ** 31, 2 ** 31, 0]) }, 4),
      "format",
      'f: tensor "a": its shape [2147483648, 2147483648, 0] has more elements than can be counted',
    ],
    [
      "with too many axes",
      tensors({ a: entry(0, 4, Array(65).fill(1)) }, 4),
      "format",
      'f: tensor "a": its shape has 65 axes; the limit is 64',
    ],
    [
      "without offsets",
      tensors({ a: { dtype: "F32", shape: [] } }, 4),
      "format",
      'f: tensor "a": its data_offsets are missing, wanted [begin, end] with 0 ≤ begin ≤ end',
    ],
    [
      "with one offset",
      tensors({ a: { dtype: "F32", shape: [], data_offsets: [4] } }, 4),
      "format",
      'f: tensor "a": its data_offsets are [4], wanted [begin, end] with 0 ≤ begin ≤ end',
    ],
    [
      "with negative offsets",
      tensors({ a: entry(-4, 0, [1]) }, 4),
      "format",
      'f: tensor "a": its data_offsets are [-4,0], wanted [begin, end] with 0 ≤ begin ≤ end',
    ],
    [
      "with offsets the wrong way round",
      tensors({ a: entry(4, 0, [1]) }, 4),
      "format",
      'f: tensor "a": its data_offsets are [4,0], wanted [begin, end] with 0 ≤ begin ≤ end',
    ],
    [
      "with offsets that do not fit the shape",
      tensors({ a: entry(0, 8, [3]) }, 8),
      "format",
      'f: tensor "a": its data_offsets [0, 8] hold 8 bytes, but F32 of shape [3] takes 12',
    ],
    [
      "with offsets outside of the data",
      tensors({ a: entry(0, 4), b: entry(400, 404) }, 8),
      "format",
      'f: tensor "b": its data_offsets [400, 404] reach past the 8 bytes of data that the file has',
    ],
    [
      "with tensors that overlap",
      tensors({ a: entry(0, 8), b: entry(4, 12) }, 12),
      "format",
      'f: tensor "b": its data begins at 4, inside that of tensor "a"',
    ],
    [
      "with one tensor inside another",
      tensors({ a: entry(0, 12), b: entry(4, 8), c: entry(8, 12) }, 12),
      "format",
      'f: tensor "b": its data begins at 4, inside that of tensor "a"',
    ],
    [
      "with two tensors in one place",
      tensors({ a: entry(0, 4), b: entry(0, 4) }, 4),
      "format",
      'f: tensor "b": its data begins at 0, inside that of tensor "a"',
    ],
    [
      "with a hole at the start",
      tensors({ a: entry(4, 8) }, 8),
      "format",
      'f: tensor "a": its data begins at 4, but the bytes from 0 on belong to no tensor',
    ],
    [
      "with a hole in the middle",
      tensors({ a: entry(0, 4), b: entry(8, 12) }, 12),
      "format",
      'f: tensor "b": its data begins at 8, but the bytes from 4 on belong to no tensor',
    ],
    ["with bytes after the last tensor", tensors({ a: entry(0, 4) }, 7), "format", "f: the last 3 bytes of the file belong to no tensor"],
    [
      "of a truncated file",
      tensors({ a: entry(0, 8), b: entry(8, 16) }, 12),
      "format",
      'f: tensor "b": the file is truncated: it has 12 of the 16 bytes of data that its header describes',
    ],
  ];
  for (const [name, file, code, message] of cases) {
    it(name, () => expectError(() => parse(file), code, message));
  }

  it("with the tensor and the byte to look at", async () => {
    const json = JSON.stringify({ a: entry(0, 4), b: entry(8, 12) });
    const error = await expectError(
      () => parse(fileOf(json, 12)),
      "format",
      'f: tensor "b": its data begins at 8, but the bytes from 4 on belong to no tensor',
    );
    expect(error.where).toEqual({ file: "f", tensor: "b", byte: 8 + json.length + 8 });
  });
});

describe("a header", () => {
  it("is read in the order of the data", () => {
    const file = tensors({ c: entry(8, 12), b: entry(4, 8), z: entry(4, 4, [0]), a: entry(0, 4), y: entry(12, 12, [3, 0]) }, 12);
    expect(parse(file)).toMatchObject({
      tensors: [{ name: "a" }, { name: "z" }, { name: "b" }, { name: "c" }, { name: "y" }],
      metadata: {},
    });
  });

  it("may hold no tensor", () => {
    expect(parse(fileOf("{}      "))).toEqual({ tensors: [], metadata: {}, dataStart: 16 });
  });

  it("is read as it was written, and its data begins at a multiple of 8", () => {
    const info = fc.record({ dtype: fc.constantFrom(...DTYPES), shape: fc.array(fc.nat(20), { maxLength: 4 }) });
    const names = fc.string({ unit: "binary", maxLength: 12 }).filter((name) => name !== "__metadata__");
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(names, info), { selector: ([name]) => name }),
        fc.dictionary(fc.string(), fc.string()),
        (list, metadata) => {
          const { bytes, header } = encodeHeader(
            list.map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
            metadata,
            "f",
          );
          const size = header.dataStart + (header.tensors.at(-1)?.end ?? 0);
          const read = parseHeader(bytes.subarray(8, 8 + headerLength(bytes, size, "f")), size, "f");
          expect(header.dataStart % 8).toBe(0);
          expect(read.dataStart).toBe(header.dataStart);
          expect(Object.entries(read.metadata).sort()).toEqual(Object.entries(metadata).sort());
          expect([...read.tensors].sort(byName)).toEqual([...header.tensors].sort(byName)); // empty tensors in one place have no order of their own
        },
      ),
    );
  });

  it("cannot give a tensor the name of the metadata", () =>
    expectError(
      () => encodeHeader([{ name: "__metadata__", dtype: "F32", shape: [] }], {}, "f"),
      "format",
      'f: tensor "__metadata__": the format keeps this name for itself',
    ));
});

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}
