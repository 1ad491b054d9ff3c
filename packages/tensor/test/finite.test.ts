import { expect, it } from "vitest";
import { firstNotFinite } from "../src/index.ts";

it.each<[values: readonly number[], index: number]>([
  [[], -1],
  [[0, -0, 1e38, -1e38, 2 ** -149], -1],
  [[1, Number.NaN, Number.POSITIVE_INFINITY], 1],
  [[Number.NEGATIVE_INFINITY], 0],
  [[1, 2, Number.POSITIVE_INFINITY], 2],
])("the first of %j that is not finite is at %d", (values, index) => {
  expect(firstNotFinite(Float32Array.from(values))).toBe(index);
  expect(firstNotFinite(Float64Array.from(values))).toBe(index);
});
