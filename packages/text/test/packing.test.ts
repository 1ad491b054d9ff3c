import { packTokens } from "@secateur/text";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const document = (ids: readonly number[]) => ({ ids: Int32Array.from(ids), weights: Float32Array.from(ids, (id) => id % 3) });

describe("packTokens", () => {
  test("windows are the documents joined, cut and no more of them than needed taken", () => {
    const documents = fc.array(fc.array(fc.nat(100), { maxLength: 7 }), { maxLength: 9 });
    fc.assert(
      fc.property(documents, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 5 }), (lists, tokens, count) => {
        let taken = 0;
        const read = function* () {
          for (const list of lists) {
            taken++;
            yield document(list);
          }
        };
        const { windows, complete } = packTokens(read(), tokens, count);
        const all = lists.flat();
        const wanted = all.slice(0, tokens * count);
        expect(windows.flatMap(({ ids }) => [...ids])).toEqual(wanted);
        expect(windows.flatMap(({ weights }) => [...weights])).toEqual(wanted.map((id) => id % 3));
        expect(complete).toBe(all.length >= tokens * count);
        expect(windows.slice(0, -1).every(({ ids }) => ids.length === tokens)).toBe(true);
        if (complete) expect(lists.slice(0, taken - 1).flat().length).toBeLessThan(tokens * count);
      }),
    );
  });

  test("too few tokens make a last window that is shorter", () => {
    const { windows, complete } = packTokens([document([1, 2, 3]), document([4, 5])], 3, 4);
    expect(windows.map(({ ids }) => [...ids])).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
    expect(complete).toBe(false);
  });

  test("a window's origin is that of its first token", () => {
    const at = (line: number, ids: number[]) => ({ ...document(ids), origin: { source: "a", line } });
    const { windows } = packTokens([at(1, [1, 2]), at(2, [3]), at(3, [4, 5, 6])], 2, 3);
    expect(windows.map(({ origin }) => origin?.line)).toEqual([1, 2, 3]);
  });

  test.each([0, -1, 1.5, Number.NaN])("windows of %d tokens are refused", (tokens) => {
    expect(() => packTokens([], tokens, 1)).toThrow(
      expect.objectContaining({
        code: "usage",
        message: `windows of ${tokens} tokens were asked for, a whole number from 1 on was wanted`,
      }),
    );
  });
});
