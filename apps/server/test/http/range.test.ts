import fc from "fast-check";
import { expect, it } from "vitest";
import { rangeOf } from "../../src/http/range.ts";

it.each([
  ["bytes=0-0", { first: 0, last: 0 }],
  ["bytes=3-", { first: 3, last: 9 }],
  ["bytes=3-99", { first: 3, last: 9 }],
  ["bytes=-4", { first: 6, last: 9 }],
  ["bytes=-99", { first: 0, last: 9 }],
  ["Bytes = 1 - 2", { first: 1, last: 2 }],
  ["bytes=0-1,3-4", undefined],
  ["rows=0-1", undefined],
  [undefined, undefined],
])("of ten bytes, %s asks for %j", (header, range) => expect(rangeOf(header, 10)).toEqual(range));

it.each(["bytes=10-", "bytes=5-4", "bytes=-0", "bytes=-", "bytes=", "bytes=x-y", "bytes=1--2", "bytes=0x1-2"])("refuses %s", (header) => {
  expect(() => rangeOf(header, 10)).toThrow("the file has 10 bytes");
});

it("never leads out of the file", () => {
  fc.assert(
    fc.property(fc.nat(1e6), fc.nat(1e6), fc.integer({ min: 1, max: 1e6 }), (from, to, bytes) => {
      fc.pre(from <= to && from < bytes);
      const { first, last } = rangeOf(`bytes=${from}-${to}`, bytes) ?? {};
      expect([first, last]).toEqual([from, Math.min(to, bytes - 1)]);
    }),
  );
});
