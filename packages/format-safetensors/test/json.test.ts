import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, JsonError, parseJson } from "../src/json.ts";

describe("parseJson", () => {
  it("gives what JSON.parse gives", () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(undefined, 2, "\t"), (text, indent) => {
        const spaced = JSON.stringify(JSON.parse(text), null, indent);
        expect(JSON.stringify(parseJson(spaced))).toBe(JSON.stringify(JSON.parse(spaced)));
      }),
    );
  });

  it("refuses what JSON.parse refuses", () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.constantFrom("", '"', "{", "]", ",", "\\", "0", "\n", "x"), (text, at, insert) => {
        const broken = text.slice(0, at % (text.length + 1)) + insert + text.slice((at % (text.length + 1)) + 1);
        const parse = (read: (text: string) => unknown): boolean => {
          try {
            read(broken);
            return true;
          } catch (error) {
            return error instanceof JsonError && error.message.endsWith("is there twice");
          }
        };
        expect(parse(parseJson)).toBe(parse(JSON.parse));
      }),
    );
  });

  const hostile: [text: string, position: number, message: string][] = [
    ["", 0, "found the end of the text, wanted a value"],
    ["{", 1, "found the end of the text, wanted a key in double quotes"],
    ['{"a" 1}', 5, 'found "1", wanted ":"'],
    ['{"a":1 "b":2}', 7, 'found "\\"", wanted "," or "}"'],
    ['{"a":1,}', 7, 'found "}", wanted a key in double quotes'],
    ["[1 2]", 3, 'found "2", wanted "," or "]"'],
    ['{"a":1} x', 8, 'found "x", wanted the end of the text'],
    ['["abc', 1, "a string that does not end"],
    ['["a\nb"]', 3, 'found "\\n", wanted a string without raw control characters'],
    ['["\\q"]', 1, "a string with an unknown escape"],
    ['{"a":NaN}', 5, 'found "N", wanted a value'],
    ['{"a":1,"\\u0061":2}', 7, 'the key "a" is there twice'],
    ["[".repeat(300), 201, "nesting deeper than 200 levels"],
  ];
  for (const [text, position, message] of hostile) {
    it(`refuses ${JSON.stringify(text.slice(0, 20))}: ${message}`, () => {
      expect(() => parseJson(text)).toThrow(expect.objectContaining({ position, message }));
    });
  }

  it("takes __proto__ for a key like any other", () => {
    expect(Object.keys(parseJson('{"__proto__":{"a":1}}') as object)).toEqual(["__proto__"]);
  });
});

describe("canonicalJson", () => {
  it("does not depend on the order of keys", () => {
    expect(canonicalJson({ b: [1, { d: null, c: "x" }], a: 1 })).toBe('{"a":1,"b":[1,{"c":"x","d":null}]}');
    expect(canonicalJson({ a: 1, b: [1, { c: "x", d: null }] })).toBe(canonicalJson({ b: [1, { d: null, c: "x" }], a: 1 }));
  });
});
