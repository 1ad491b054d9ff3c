import fc from "fast-check";
import { expect, test } from "vitest";
import { editDistance } from "../../src/node/spelling.ts";
import { nearestName } from "../../src/node.ts";

const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 6 });

test.each([
  ["", "", 0],
  ["wanda", "wanda", 0],
  ["wnada", "wanda", 1],
  ["wand", "wanda", 1],
  ["wandas", "wanda", 1],
  ["wamda", "wanda", 1],
  ["ca", "abc", 3],
  ["", "abc", 3],
])("%j → %j takes %i edits", (a, b, edits) => expect(editDistance(a, b)).toBe(edits));

test("the distance is symmetric, 0 only for equal words, and within the lengths' bounds", () => {
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b);
      expect(distance).toBe(editDistance(b, a));
      expect(distance === 0).toBe(a === b);
      expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
      expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
  );
});

test("a near name is found in any case of letters, and a far one is not", () => {
  const known = ["magnitude", "sparsegpt", "wanda"];
  expect(nearestName("Wanda", known)).toBe("wanda");
  expect(nearestName("spargpt", known)).toBe("sparsegpt");
  expect(nearestName("fisher", known)).toBeUndefined();
  expect(nearestName("wanda", [])).toBeUndefined();
});
