import { expect, test } from "vitest";
import { z } from "zod";
import { defineFuser, type OptionSchema } from "../../src/index.ts";
import { describeOptions, parseOptions } from "../../src/node.ts";

const schema = z.object({
  alpha: z.number().min(0).default(1).describe("Exponent of the norm."),
  mode: z.enum(["sum", "max"]).default("sum"),
  tasks: z.array(z.string()).optional(),
  blend: z.union([z.number(), z.literal("auto")]).default("auto"),
  limit: z.int().nullable().default(null),
  seed: z.int(),
});

function plugin<Options>(options: OptionSchema<Options>) {
  return defineFuser<Options>({
    name: "mine",
    summary: "Mine.",
    options,
    create: () => ({ needs: [], reads: "all", fuse: ({ shape }) => ({ scores: new Float32Array(shape[0] * shape[1]) }) }),
  });
}

const known =
  'its options are alpha (number, default 1), mode ("sum" | "max", default "sum"), tasks (string[]), blend (number | "auto", default "auto"), limit (integer | null, default null), seed (integer, required)';

test("options are described from the JSON Schema", () => {
  expect(describeOptions(plugin(schema))).toEqual([
    { name: "alpha", type: "number", required: false, default: 1, description: "Exponent of the norm.", minimum: 0 },
    { name: "mode", type: '"sum" | "max"', required: false, default: "sum", enum: ["sum", "max"] },
    { name: "tasks", type: "string[]", required: false },
    { name: "blend", type: 'number | "auto"', required: false, default: "auto" },
    { name: "limit", type: "integer | null", required: false, default: null },
    { name: "seed", type: "integer", required: true },
  ]);
});

test("a number's bounds are told, and not those of all whole numbers", () => {
  const bounded = z.object({ share: z.number().gt(0).lt(1), most: z.int().max(8), any: z.int().min(0) });
  expect(describeOptions(plugin(bounded)).map(({ type: _type, required: _required, ...rest }) => rest)).toEqual([
    { name: "share", exclusiveMinimum: 0, exclusiveMaximum: 1 },
    { name: "most", maximum: 8 },
    { name: "any", minimum: 0 },
  ]);
});

test("names of the user's own are one option, where the schema has any", () => {
  const table = z.record(z.string(), z.number()).describe("Globs and ratios.");
  expect(describeOptions(plugin(table))).toEqual([{ name: "…", type: "number", required: false, description: "Globs and ratios." }]);
  expect(describeOptions(plugin(z.looseObject({ a: z.number().optional() })))).toHaveLength(2);
});

test("a schema that is referred to is followed, and a list of choices keeps its brackets", () => {
  const mode = z.enum(["a", "b"]).describe("How.").meta({ id: "Mode" });
  expect(describeOptions(plugin(z.object({ one: mode, many: z.array(mode) })))).toEqual([
    { name: "one", type: '"a" | "b"', required: true, description: "How.", enum: ["a", "b"] },
    { name: "many", type: '("a" | "b")[]', required: true },
  ]);
});

test("defaults are filled in", async () => {
  const options = await parseOptions(plugin(schema), { seed: 3, mode: "max" });
  expect(options).toEqual({ alpha: 1, mode: "max", blend: "auto", limit: null, seed: 3 });
});

test("an asynchronous schema is awaited", async () => {
  const slow = z.object({ name: z.string() }).refine(async ({ name }) => name !== "bad", { message: "is bad", path: ["name"] });
  expect(await parseOptions(plugin(slow), { name: "good" })).toEqual({ name: "good" });
  await expect(parseOptions(plugin(slow), { name: "bad" })).rejects.toMatchObject({
    code: "usage",
    message: 'fuser "mine": option "name": is bad; its options are name (string, required)',
  });
});

test.each([
  [{ seed: 1, aplha: 2 }, `fuser "mine": no option is called "aplha"; did you mean "alpha"?; ${known}`],
  [{ seed: 1, zzz: 2, yyy: 1 }, `fuser "mine": no option is called "zzz"; no option is called "yyy"; ${known}`],
  [{}, `fuser "mine": option "seed": Invalid input: expected number, received undefined; ${known}`],
  [{ seed: 1, alpha: -1 }, `fuser "mine": option "alpha": Too small: expected number to be >=0; ${known}`],
  [{ seed: 1, tasks: ["a", 2] }, `fuser "mine": option "tasks.1": Invalid input: expected string, received number; ${known}`],
])("%j is refused", async (given, message) => {
  await expect(parseOptions(plugin(schema), given)).rejects.toMatchObject({ code: "usage", message });
});

test("a plugin without options says so", async () => {
  await expect(parseOptions(plugin(z.object({})), { alpha: 1 })).rejects.toMatchObject({
    message: 'fuser "mine": no option is called "alpha"; it has no options',
  });
});

test("a schema that allows other names gets them", async () => {
  expect(await parseOptions(plugin(z.looseObject({ a: z.number() })), { a: 1, b: 2 })).toEqual({ a: 1, b: 2 });
});

test("a schema without a JSON Schema is still obeyed, with every spelling of a path", async () => {
  const bare: OptionSchema<{ readonly a: number }> = {
    "~standard": {
      version: 1,
      vendor: "mine",
      validate: (value) =>
        (value as { a?: unknown }).a === 1
          ? { value: { a: 1 } }
          : { issues: [{ message: "must be 1", path: ["a"] }, { message: "odd", path: [{ key: "b" }, 0] }, { message: "sad" }] },
    },
  };
  expect(describeOptions(plugin(bare))).toEqual([]);
  expect(await parseOptions(plugin(bare), { a: 1 })).toEqual({ a: 1 });
  await expect(parseOptions(plugin(bare), { a: 2 })).rejects.toMatchObject({
    code: "usage",
    message: 'fuser "mine": option "a": must be 1; option "b.0": odd; sad',
  });
});
