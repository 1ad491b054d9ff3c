import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fusionOf, parseRecipe, recipeSchema } from "../src/index.ts";
import { roleWeights } from "../src/recipe.ts";
import { failureOf } from "./support.ts";

const minimal = { model: "m", sparsity: 0.5 };

describe("parseRecipe", () => {
  it("fills in defaults, and leaves a whole recipe as it is", () => {
    const recipe = parseRecipe(minimal);
    expect(recipe).toEqual({
      model: "m",
      general: [],
      tasks: [],
      weights: {},
      scorer: "wanda",
      scorerOptions: {},
      solverOptions: {},
      fusionOptions: {},
      allocateOptions: {},
      backend: "onnxruntime",
      backendOptions: {},
      sparsity: 0.5,
      samples: 128,
      promptWeight: 1,
      shuffle: false,
      seed: 0,
      include: [],
      exclude: [],
    });
    expect(parseRecipe(JSON.parse(JSON.stringify(recipe)))).toEqual(recipe);
  });

  it.each<[given: object, suits: string | undefined, fusion: string]>([
    [{}, undefined, "general"],
    [{}, "sum", "general"],
    [{ tasks: [{ name: "math", source: "x.jsonl" }] }, undefined, "mixture"],
    [{ tasks: [{ name: "math", source: "x.jsonl" }] }, "sum", "sum"],
    [{ stats: "s.safetensors" }, undefined, "mixture"],
    [{ stats: "s.safetensors", fusion: "max" }, "sum", "max"],
  ])("has a fusion that suits data and scorer where it names none: %o, %s", (given, suits, fusion) => {
    expect(fusionOf(parseRecipe({ ...minimal, ...given }), suits === undefined ? {} : { fusion: suits })).toBe(fusion);
  });

  const task = (name: unknown): object => ({ name, source: "x.jsonl" });
  it.each<[input: unknown, message: string]>([
    [undefined, "the recipe: nothing was given, an object is wanted"],
    [{ sparsity: 0.5 }, "model: nothing was given, a model's folder is wanted"],
    [{ ...minimal, model: "" }, 'model: "" was given, a model\'s folder is wanted'],
    ...[0, 1, 1.5, -0.1, Number.NaN, Number.POSITIVE_INFINITY].map((sparsity): [unknown, string] => [
      { ...minimal, sparsity },
      `sparsity: ${sparsity} was given, a number between 0 and 1 (both excluded) is wanted`,
    ]),
    [{ ...minimal, sparsity: "abc" }, 'sparsity: "abc" was given, a number between 0 and 1 (both excluded) is wanted'],
    [{ model: "m" }, "how much to prune is not said: give a sparsity such as 0.5, or a pattern such as 2:4"],
    [{ ...minimal, pattern: { keep: 2, of: 4 } }, "sparsity and pattern exclude each other: give one"],
    [
      { model: "m", pattern: { keep: 4, of: 2 } },
      "the pattern 4:2 prunes nothing: KEEP:OF keeps KEEP of every OF weights, so KEEP is less than OF",
    ],
    [
      { model: "m", pattern: { keep: 4, of: 4 } },
      "the pattern 4:4 prunes nothing: KEEP:OF keeps KEEP of every OF weights, so KEEP is less than OF",
    ],
    [{ model: "m", pattern: { keep: 0, of: 4 } }, "pattern.keep: 0 was given, a whole number from 1 on is wanted"],
    [{ model: "m", pattern: "2:4" }, 'pattern: "2:4" was given, an object with keep and of, such as { keep: 2, of: 4 } is wanted'],
    [{ ...minimal, samples: 0 }, "samples: 0 was given, a whole number from 1 on is wanted"],
    [{ ...minimal, samples: 1.5 }, "samples: 1.5 was given, a whole number from 1 on is wanted"],
    [{ ...minimal, seqLen: 1 }, "seqLen: 1 was given, a whole number from 2 on is wanted"],
    [{ ...minimal, promptWeight: 2 }, "promptWeight: 2 was given, a number from 0 to 1 is wanted"],
    [{ ...minimal, propagate: "layer" }, 'propagate: "layer" was given, one of "block", "linear" and "none" is wanted'],
    [{ ...minimal, include: [""] }, 'include.0: "" was given, a glob is wanted'],
    [{ ...minimal, weights: { general: 2 } }, "weights.general: 2 was given, a number from 0 to 1 is wanted"],
    [{ ...minimal, general: "c4.jsonl" }, 'general: "c4.jsonl" was given, a list of data sources is wanted'],
    [{ ...minimal, general: [{}] }, "general.0.source: nothing was given, the path of a data file is wanted"],
    [{ ...minimal, general: [{ source: "x", fields: { text: 5 } }] }, "general.0.fields.text: 5 was given, the name of a column is wanted"],
    [
      { ...minimal, tasks: [task("a=b")] },
      'tasks.0.name: "a=b" was given, a name of letters, digits, _ and -, with a letter or _ first is wanted',
    ],
    [{ ...minimal, tasks: [task("math"), task("math")] }, "two tasks are called math: give each a name of its own"],
    [{ ...minimal, tasks: [task("general")] }, "a task cannot be called general: that is the role of general text"],
    [{ ...minimal, sparsty: 0.5 }, 'the recipe: no key is called "sparsty"; did you mean "sparsity"?'],
    [{ ...minimal, general: [{ source: "x", x: 1 }] }, 'general.0: no key is called "x", the keys are source, fields, template'],
    [
      { model: 5, sparsity: 2 },
      "model: 5 was given, a model's folder is wanted; sparsity: 2 was given, a number between 0 and 1 (both excluded) is wanted",
    ],
  ])("refuses %j", async (input, message) => {
    expect(await failureOf(() => parseRecipe(input))).toEqual(["usage", message]);
  });

  it("has a schema for editors", async () => {
    const { toJSONSchema } = await import("zod");
    const schema = toJSONSchema(recipeSchema, { io: "input" });
    expect(schema.required).toEqual(["model"]);
    expect(schema.properties?.sparsity).toMatchObject({ type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 });
  });
});

describe("roleWeights", () => {
  it("shares what is left equally", () => {
    expect([...roleWeights(["general", "a", "b"], { a: 0.5 })]).toEqual([
      ["general", 0.25],
      ["a", 0.5],
      ["b", 0.25],
    ]);
    expect([...roleWeights(["general", "a"], { general: 0.2, a: 0.2 }).values()]).toEqual([0.5, 0.5]);
    expect(roleWeights(["general", "a", "b", "c"], { general: 0.7, a: 0.2, b: 0.1 }).get("c")).toBeCloseTo(0, 12);
  });

  it("gives weights that sum to 1, none below 0", () => {
    const given = fc.array(fc.option(fc.integer({ min: 0, max: 10 }), { nil: undefined }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(given, (tenths) => {
        const roles = tenths.map((_, i) => `r${i}`);
        const named = tenths.flatMap((value, i) => (value === undefined ? [] : [[`r${i}`, value / 10] as const]));
        const sum = tenths.reduce<number>((total, value) => total + (value ?? 0), 0);
        fc.pre(named.length < roles.length ? sum <= 10 : sum > 0);
        const weights = [...roleWeights(roles, Object.fromEntries(named)).values()];
        expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
        expect(Math.min(...weights)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it.each([
    [{ math: 0.5 }, "a weight is given for math, which is no role here; roles are general, a"],
    [{ general: 0, a: 0 }, "all roles have weight 0"],
  ])("refuses %j", async (given, message) => {
    expect(await failureOf(() => roleWeights(["general", "a"], given))).toEqual(["usage", message]);
  });

  it("refuses weights that leave nothing for the others", async () => {
    expect(await failureOf(() => roleWeights(["general", "a", "b"], { general: 1, a: 0.5 }))).toEqual([
      "usage",
      "the weights given sum to 1.5: nothing is left for the other roles",
    ]);
  });
});
