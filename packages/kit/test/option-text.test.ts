import { describe, expect, it } from "vitest";
import { booleanFromText, numberFromText } from "../src/index.ts";

describe("option values from text", () => {
  it("reads decimal numbers and leaves the rest to the schema", () => {
    expect(["1", "0.5", "-2e3", " 7 ", ".5", ""].map(numberFromText)).toEqual([1, 0.5, -2000, 7, 0.5, ""]);
    for (const odd of ["0x10", "1,5", "NaN", "Infinity", null, true, undefined]) expect(numberFromText(odd)).toBe(odd);
  });

  it("reads true and false", () => {
    expect(["true", "1", "false", "0"].map(booleanFromText)).toEqual([true, true, false, false]);
    for (const odd of ["yes", "TRUE", "", 1, null]) expect(booleanFromText(odd)).toBe(odd);
  });
});
