import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseTemplate } from "../../../src/node/rows/template.ts";

const origin = { source: "a.jsonl", line: 7 };
const fill = (template: string, row: Record<string, unknown>) => parseTemplate(template).map((text) => text.fill(row, origin));

describe("parseTemplate", () => {
  test.each([
    ["{a}", { a: "x" }, ["x"]],
    ["{a}{b}", { a: 1.5, b: false }, ["1.5false"]],
    ["{contexts}\n\n{question}", { contexts: ["one", "two"], question: "Why?" }, ["one\ntwo\n\nWhy?"]],
    ["{a}", { a: [] }, [""]],
    ["{a.b} {a.c.0}", { a: { b: "x", c: ["y"] } }, ["x y"]],
    ["{a.b}", { "a.b": "x", a: { b: "y" } }, ["x"]],
    ["{the column}", { "the column": "x" }, ["x"]],
    ["{{{a}}} {{a}}", { a: "x" }, ["{x} {a}"]],
    ["{a}\\n\\t\\\\n\\x\n", { a: "x" }, ["x\n\t\\n\\x\n"]],
    ["{a}|||{b}", { a: "x", b: "y" }, ["x", "y"]],
    ["|||{b}", { b: "y" }, ["", "y"]],
    ["{a} | b || c|||", { a: "x" }, ["x | b || c", ""]],
    // What a row holds is never read as template.
    ["{a}", { a: "{b}|||\\n" }, ["{b}|||\\n"]],
  ])("%j", (template, row, wanted) => {
    expect(parseTemplate(template)).toHaveLength(wanted.length);
    expect(fill(template, row)).toEqual(wanted);
  });

  test("any text, with its braces doubled and its signs kept apart, comes back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const literal = text.replaceAll("\\", "\\\\").replaceAll("{", "{{").replaceAll("}", "}}").replaceAll("|", "/");
        expect(fill(`${literal}{a}`, { a: "" })).toEqual([text.replaceAll("|", "/")]);
      }),
    );
  });

  test("a text that is the name of an object's method is a text", () => {
    expect(fill("toString{a}", { a: "" })).toEqual(["toString"]);
  });

  test.each([
    ["{a", "template: a single { at character 1, write {{ for a brace"],
    ["{a}}", "template: a single } at character 4, write }} for a brace"],
    ["x {} {a}", "template: {} at character 3 names no column"],
    ["{a}|||{b}|||", "template: ||| stands 2 times, once at most was wanted"],
    ["plain", 'template: no {column} in "plain", so every row would be the same'],
    ["", 'template: no {column} in "", so every row would be the same'],
  ])("%j is refused", (template, message) => {
    expect(() => parseTemplate(template)).toThrow(expect.objectContaining({ code: "usage", message }));
  });

  test.each([
    ["{c}", 'the template\'s column "c" is missing, the row has "a", "b"'],
    ["{a.c}", 'the template\'s column "a.c" is missing, the row has "a", "b"'],
    ["{toString}", 'the template\'s column "toString" is missing, the row has "a", "b"'],
    ["{a}", 'the template\'s column "a" is an object, a text, number, boolean or array of texts was wanted'],
    ["{a.n}", 'the template\'s column "a.n" is null, a text, number, boolean or array of texts was wanted'],
    ["{b}", 'the template\'s column "b" is an array of 2 that are not all texts, a text, number, boolean or array of texts was wanted'],
  ])("%j refuses a row", (template, message) => {
    expect(() => fill(template, { a: { n: null }, b: ["x", 1] })).toThrow(
      expect.objectContaining({ code: "data", message: `a.jsonl, line 7: ${message}`, where: { file: "a.jsonl", line: 7 } }),
    );
  });
});
