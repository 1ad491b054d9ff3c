import fc from "fast-check";
import { expect, it } from "vitest";
import { ranksOf } from "../src/ranks.ts";

it("ranks as a stable sort would, signs, zeros and infinities included", () => {
  const score = fc.oneof(fc.float({ noNaN: true }), fc.constantFrom(0, -0, 1, -1, 1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY));
  fc.assert(
    fc.property(fc.array(score), (numbers) => {
      const ranks = new Uint32Array(numbers.length);
      ranksOf(Float32Array.from(numbers), ranks);
      const order = [...numbers.keys()].sort((a, b) => compare(numbers[a] as number, numbers[b] as number) || a - b);
      expect(order.map((i) => ranks[i])).toEqual([...numbers.keys()]);
    }),
    { numRuns: 1000 },
  );
});

function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
