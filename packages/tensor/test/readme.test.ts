import { expect, it } from "vitest";
import { fromFloat32, markLowest, toFloat32 } from "../src/index.ts";

it("does what the README's example says", () => {
  const stored = fromFloat32("BF16", [2, 2], Float32Array.of(0.1, -3, 2, 0.5));
  const values = toFloat32(stored);
  expect([...values]).toEqual([0.10009765625, -3, 2, 0.5]);
  const mask = new Uint8Array(4);
  markLowest(values.map(Math.abs), 2, mask, new Float32Array(4));
  expect([...mask]).toEqual([0, 1, 1, 0]);
});
