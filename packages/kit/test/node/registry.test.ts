import { expect, test } from "vitest";
import { z } from "zod";
import { defineFuser, defineScorer } from "../../src/index.ts";
import { createRegistry } from "../../src/node.ts";

const scorer = (name: string) =>
  defineScorer({
    name,
    summary: `${name}.`,
    options: z.object({}),
    create: () => ({ needs: [], selection: { group: "row", rule: "exact" }, score: async (layer) => layer.weights }),
  });
const fuser = defineFuser({
  name: "a",
  summary: "A fuser.",
  options: z.object({}),
  create: () => ({ needs: [], reads: "all", fuse: ({ shape }) => ({ scores: new Float32Array(shape[0] * shape[1]) }) }),
});

test("plugins are kept by kind and name, in their order", () => {
  const [b, a] = [scorer("b"), scorer("a")];
  const registry = createRegistry([b, a, fuser]);
  expect(registry.list("scorer")).toEqual([b, a]);
  expect(registry.get("scorer", "a")).toBe(a);
  expect(registry.get("fuser", "a")).toBe(fuser);
  expect(registry.get("scorer", "c")).toBeUndefined();
  expect(registry.get("scorer", "constructor")).toBeUndefined();
  expect(registry.list("backend")).toEqual([]);
});

test("two plugins of a kind with one name are refused", () => {
  expect(() => createRegistry([scorer("a"), fuser, scorer("a")])).toThrow(
    expect.objectContaining({ code: "internal", message: 'two scorers are called "a"' }),
  );
});
