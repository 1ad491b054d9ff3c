import { evaluationWindows } from "@secateur/text";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const windows = (...[ids, seqLen, begin]: [number[], number, number[]?]) =>
  evaluationWindows(Int32Array.from(ids), seqLen, begin).map((window) => [...window]);

describe("evaluationWindows", () => {
  test("each has exactly its length, begins with the begin tokens and goes on where the one before ended", () => {
    const sizes = fc.record({
      begin: fc.array(fc.nat(9), { maxLength: 2 }),
      room: fc.integer({ min: 2, max: 6 }),
      length: fc.integer({ min: 6, max: 40 }),
    });
    fc.assert(
      fc.property(sizes, ({ begin, room, length }) => {
        const ids = Array.from({ length }, (_, i) => 100 + i);
        const cut = windows(ids, begin.length + room, begin);
        expect(cut).toHaveLength(Math.floor(length / room));
        expect(cut.every((window) => window.length === begin.length + room && begin.every((id, i) => window[i] === id))).toBe(true);
        expect(cut.flatMap((window) => window.slice(begin.length))).toEqual(ids.slice(0, cut.length * room));
      }),
    );
  });

  test.each([
    ["a text shorter than a window is one", [[5, 6, 7], 8], [[5, 6, 7]]],
    ["with its begin token", [[5], 8, [1]], [[1, 5]]],
    ["a text of exactly a window", [[5, 6], 2], [[5, 6]]],
    [
      "the remainder is dropped",
      [[5, 6, 7, 8, 9], 2],
      [
        [5, 6],
        [7, 8],
      ],
    ],
    [
      "windows of a begin token and one of the text",
      [[5, 6], 2, [1]],
      [
        [1, 5],
        [1, 6],
      ],
    ],
  ] as [string, [number[], number, number[]?], number[][]][])("%s", (_, given, wanted) => {
    expect(windows(...given)).toEqual(wanted);
  });

  test.each([
    ["a text of one token", [[5], 8], "data", "nothing to predict: the text has one token"],
    ["a text of no token", [[], 8], "data", "nothing to predict: the text has no token"],
    ["a text of no token with begin tokens", [[], 8, [1, 1]], "data", "nothing to predict: the text has no token"],
    ["windows of one token", [[5, 6], 1], "usage", "windows of 1 tokens were asked for, at least 2 were wanted"],
    ["windows without room for the text", [[5, 6], 2, [1, 1]], "usage", "windows of 2 tokens were asked for, at least 3 were wanted"],
    ["windows of no number", [[5, 6], Number.NaN], "usage", "windows of NaN tokens were asked for, at least 2 were wanted"],
  ] as [string, [number[], number, number[]?], string, string][])("%s", (_, given, code, message) => {
    expect(() => windows(...given)).toThrow(expect.objectContaining({ code, message }));
  });
});
