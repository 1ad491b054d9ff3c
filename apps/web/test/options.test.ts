import { describe, expect, it } from "vitest";
import { ANY_NAME, askedOptions, controlOf, type Option, optionTexts, readOption, readOptions } from "../src/forms/options.ts";

const option = (type: string, rest: Partial<Option> = {}): Option => ({ name: "x", type, required: false, ...rest });

describe("controlOf", () => {
  it.each<[given: Option, kind: string, choices: readonly string[], placeholder: string]>([
    [option("number", { default: 0.1 }), "number", [], "0.1"],
    [option("integer"), "number", [], "default"],
    [option("string", { required: true }), "text", [], ""],
    [option("boolean", { default: true }), "choice", ["true", "false"], "true"],
    [option('"row" | "matrix"', { enum: ["row", "matrix"], default: "row" }), "choice", ["row", "matrix"], "row"],
    [option('"auto" | false'), "choice", ["auto", "false"], "default"],
    [option("number | null", { default: null }), "text", [], "null"],
    [option("number[]", { default: [1, 2] }), "text", [], "[1,2]"],
    [option("number", { name: ANY_NAME }), "pairs", [], "default"],
  ])("asks for %j", (given, kind, choices, placeholder) => {
    expect(controlOf(given)).toEqual({ kind, choices, placeholder });
  });
});

describe("readOption", () => {
  it.each<[type: string, text: string, value: unknown]>([
    ["number", " 0.5 ", 0.5],
    ["integer", "3", 3],
    ["number", "-1e3", -1000],
    ["string", "a", "a"],
    ["boolean", "false", false],
    ['"row" | "matrix"', "row", "row"],
    ["number | null", "null", null],
    ["number | string", "2", 2],
    ["integer[]", "1, 2", [1, 2]],
    ["integer[]", "[3]", [3]],
    ["(number | string)[]", "1,a", [1, "a"]],
    ["any", '{"a":1}', { a: 1 }],
    ["number", "", undefined],
  ])("takes for %s the text %j", (type, text, value) => {
    expect(readOption(option(type), text)).toEqual(value === undefined ? {} : { value });
  });

  it.each<[given: Option, text: string, problem: string]>([
    [option("number"), "half", "half was given, a number is wanted"],
    [option("number", { minimum: 0, exclusiveMaximum: 1 }), "1", "1 was given, a number from 0 on and below 1 is wanted"],
    [option("integer", { exclusiveMinimum: 0, maximum: 8 }), "9", "9 was given, a whole number above 0 and up to 8 is wanted"],
    [option("integer"), "1.5", "1.5 was given, a whole number is wanted"],
    [option("integer[]"), "1,b", "1,b was given, a list with commas is wanted"],
    [option("boolean | null"), "maybe", "maybe was given, boolean or null is wanted"],
    [option('"a" | "b"', { enum: ["a", "b"] }), "c", "c was given, a or b is wanted"],
    [option("string", { required: true }), " ", "a text is wanted"],
    [option("number", { name: ANY_NAME }), "q_proj", "q_proj was given, NAME=VALUE is wanted"],
    [option("number", { name: ANY_NAME }), "q=x", "x was given, a number is wanted"],
  ])("refuses for %j the text %j", (given, text, problem) => {
    expect(readOption(given, text)).toEqual({ problem });
  });
});

describe("readOptions", () => {
  const plugin = {
    options: [option("number", { name: "tau" }), option("number", { name: ANY_NAME }), option("string", { name: "cacheFolder" })],
  };

  it("gives what is said, names of the user's own among it, and no places on the server", () => {
    expect(askedOptions(plugin).map(({ name }) => name)).toEqual(["tau", ANY_NAME]);
    const { values, problems } = readOptions(plugin, { tau: "0.2", [ANY_NAME]: "*q*=0.3\na=b=1", cacheFolder: "/tmp" });
    expect([values, [...problems]]).toEqual([{ tau: 0.2, "*q*": 0.3, "a=b": 1 }, []]);
  });

  it("reads what it shows", () => {
    const values = { tau: 0.2, "*q*": 0.3 };
    expect(optionTexts(plugin, values)).toEqual({ tau: "0.2", [ANY_NAME]: "*q*=0.3" });
    expect(readOptions(plugin, optionTexts(plugin, values)).values).toEqual(values);
  });
});
