import { expect, it } from "vitest";
import { z } from "zod";
import { defineScorer, type OptionSchema, type Scorer, SecateurError } from "../../src/index.ts";
import { makeFrom } from "../../src/node.ts";

const scorer: Scorer = { needs: [], selection: { group: "row", rule: "exact" }, score: async ({ weights }) => weights };

function odd(create: () => unknown, options: OptionSchema<unknown> = z.strictObject({ power: z.number().default(2) })) {
  return defineScorer({ name: "odd", summary: "what it likes", options, create: create as () => Scorer });
}

it("gives what the plugin makes", async () => {
  expect(
    await makeFrom(
      odd(() => scorer),
      {},
    ),
  ).toBe(scorer);
});

const throwing = (error: unknown) => (): never => {
  throw error;
};

it.each<[what: string, plugin: ReturnType<typeof odd>, message: string]>([
  ["throws", odd(throwing(new Error("no luck"))), 'scorer "odd" failed when it was made: no luck'],
  ["throws what is no error", odd(throwing(Symbol("luck"))), 'scorer "odd" failed when it was made: Symbol(luck)'],
  ["makes nothing", odd(() => undefined), 'scorer "odd" made undefined, wanted an object'],
  ["makes null", odd(() => null), 'scorer "odd" made null, wanted an object'],
  [
    "has a schema that throws",
    odd(() => scorer, { "~standard": { version: 1, vendor: "test", validate: throwing(new Error("what?")) } }),
    'scorer "odd" failed when it was made: what?',
  ],
])("names a plugin that %s", async (_, plugin, message) => {
  await expect(makeFrom(plugin, {})).rejects.toMatchObject({ code: "plugin", message });
});

it("keeps an error that says its own, and that of options", async () => {
  const own = new SecateurError("usage", "odd: power is for the even");
  await expect(makeFrom(odd(throwing(own)), {})).rejects.toBe(own);
  await expect(
    makeFrom(
      odd(() => scorer),
      { power: "x" },
    ),
  ).rejects.toMatchObject({ code: "usage" });
});
