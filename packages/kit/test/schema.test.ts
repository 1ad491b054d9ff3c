import { expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { defineAllocator, defineBackend, defineFuser, defineScorer, type OptionSchema, type RatioAllocator } from "../src/index.ts";

test("a zod schema is an option schema, and types the options of create", () => {
  const schema = z.object({ alpha: z.number().default(1), mode: z.enum(["sum", "max"]).default("sum") });
  expectTypeOf(schema).toExtend<OptionSchema<{ alpha: number; mode: "sum" | "max" }>>();
  const plugin = defineFuser({
    name: "mine",
    summary: "Mine.",
    options: schema,
    create(options) {
      expectTypeOf(options).toEqualTypeOf<{ alpha: number; mode: "sum" | "max" }>();
      return { needs: [], reads: "all", fuse: ({ shape }) => ({ scores: new Float32Array(shape[0] * shape[1]).fill(options.alpha) }) };
    },
  });
  expect(plugin.kind).toBe("fuser");
  expect(plugin.options.toJSONSchema?.({ io: "input" })).toMatchObject({ properties: { alpha: { default: 1 } } });
});

test("a schema of no library is an option schema too", () => {
  const schema: OptionSchema<{ readonly rate: number }> = {
    "~standard": {
      version: 1,
      vendor: "mine",
      validate: (value) => (typeof value === "object" ? { value: { rate: 0.5 } } : { issues: [{ message: "not an object" }] }),
    },
  };
  const allocator = defineAllocator({
    name: "flat",
    summary: "Flat.",
    options: schema,
    create: ({ rate }) => ({ needs: [], allocate: (layers) => layers.map(() => rate) }),
  });
  const made = allocator.create({ rate: 0.25 }) as RatioAllocator; // it does not rank by a scorer
  expect(made.allocate([{ name: "a", block: 0, shape: [2, 2] }], 0.5)).toEqual([0.25]);
});

test("each define function sets its kind", () => {
  const rest = { name: "x", summary: "X.", options: z.object({}) };
  const never = () => {
    throw new Error("not made in this test");
  };
  expect(defineScorer({ ...rest, create: never })).toMatchObject({ kind: "scorer", ...rest });
  expect(defineFuser({ ...rest, create: never }).kind).toBe("fuser");
  expect(defineAllocator({ ...rest, create: never }).kind).toBe("allocator");
  expect(defineBackend({ ...rest, create: never }).kind).toBe("backend");
});
