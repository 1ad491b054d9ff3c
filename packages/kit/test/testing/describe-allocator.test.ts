import { describe, expect, it } from "vitest";
import {
  type AllocateLayer,
  type Allocator,
  type AllocatorPlugin,
  defineAllocator,
  inputNorm,
  inputRms,
  type OptionSchema,
  type RatioAllocator,
} from "../../src/index.ts";
import { describeAllocator } from "../../src/testing.ts";

const noOptions: OptionSchema<object> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) => (Object.keys(value as object).length ? { issues: [{ message: "unknown option" }] } : { value: {} }),
  },
  toJSONSchema: () => ({ type: "object", properties: {}, additionalProperties: false }),
};

const anyNumbers: OptionSchema<object> = {
  "~standard": { version: 1, vendor: "test", validate: (value) => ({ value: value as object }) },
  toJSONSchema: () => ({ type: "object", additionalProperties: { type: "number" } }),
};

const flat: RatioAllocator = { needs: [], allocate: (layers, ratio) => layers.map(() => ratio) };

// A block that measures more than the mean of all weights is pruned less, by at most 0.05.
const sound: RatioAllocator = {
  needs: [inputNorm],
  measure: (layers) => Math.max(...layers.map(({ stats }) => Math.max(...inputRms(stats)))),
  allocate(layers, ratio) {
    const sizes = layers.map(({ shape: [rows, cols] }) => rows * cols);
    const whole = sizes.reduce((sum, size) => sum + size, 0);
    const mean = layers.reduce((sum, { measure }, i) => sum + (measure as number) * (sizes[i] as number), 0) / whole;
    return layers.map(({ measure }) => ratio + 0.05 * (mean - (measure as number)));
  },
};

describeAllocator({ describe, it }, plugin(sound));
describe("without a measure", () => describeAllocator({ describe, it }, plugin(flat)));
describe("with options of any name", () =>
  describeAllocator(
    { describe, it },
    { ...plugin(flat), options: anyNumbers },
    { options: ([first]) => ({ [first?.name ?? ""]: 1 }), freeNames: true },
  ));

describe("describeAllocator", () => {
  it.each<[string, AllocatorPlugin, string, string]>([
    [
      "a summary of two lines",
      { ...plugin(flat), summary: "a\nb" },
      "has a name",
      'the summary "a\\nb" is not one line of 2 to 120 characters',
    ],
    [
      "options of any name that are not announced",
      { ...plugin(flat), options: anyNumbers },
      "refuses an option",
      'the unknown option "no-such-option" was taken: the result is {"value":{"no-such-option":1}}',
    ],
    [
      "needs without a measure",
      plugin({ ...flat, needs: [inputNorm] }),
      "needs statistics only where it measures",
      "it has no measure to read what it needs with: inputNorm",
    ],
    ["a layer without a ratio", allocating((ratios) => ratios.slice(1)), "gives every layer a ratio", "ratios for"],
    [
      "a ratio above 1",
      allocating((ratios) => ratios.with(1, 1.5)),
      "gives every layer a ratio",
      "the ratio of blocks.0.layer1.weight is 1.5, wanted a number from 0 to 1",
    ],
    ["NaN", allocating((ratios) => ratios.with(0, Number.NaN)), "gives every layer a ratio", "the ratio of blocks.0.layer0.weight is NaN"],
    ["a budget that is missed", allocating((ratios) => ratios.map((ratio) => 0.99 * ratio)), "meets the budget", "the ratios prune"],
    ["chance", allocating((ratios) => ratios.with(0, Math.random())), "gives the same ratios again", "allocated twice: number 0 is"],
    [
      "changed layers",
      plugin({
        ...sound,
        allocate(layers, ratio) {
          (layers[0] as { block: number }).block = 7;
          return flat.allocate(layers, ratio);
        },
      }),
      "does not change its inputs",
      'the layers after allocating are [{"name":"blocks.0.layer0.weight","block":7',
    ],
    [
      "changed weights",
      plugin({ ...sound, measure: (layers) => layers[0]?.layer.weights.data.fill(1)[0] ?? 0 }),
      "does not change its inputs",
      "the layer's weights after measuring: number 0 is 1",
    ],
    [
      "changed statistics",
      plugin({ ...sound, measure: (layers) => layers[0]?.stats.get(inputNorm).squares?.fill(1)[0] ?? 0 }),
      "does not change its inputs",
      "the statistic inputNorm, squares, after measuring: number 0 is 1",
    ],
    [
      "a favourite place",
      allocating((ratios) => ratios.with(0, 0.75)),
      "gives layers their ratios whatever their order",
      "in the opposite order",
    ],
    [
      "blocks unlike of one measure",
      plugin({ ...sound, allocate: (layers, ratio) => layers.map(({ block }) => ratio + (block === 0 ? 0.01 : 0)) }),
      "gives equal ratios",
      "every block's measure is 0.25: number 0 is",
    ],
    [
      "blocks unlike of one measure",
      plugin({ ...sound, allocate: (layers, ratio) => layers.map(({ block }) => ratio + (block === 0 ? 0.01 : 0)) }),
      "treats blocks alike",
      "measures the same as block 0: number 0 is",
    ],
    [
      "an infinite measure",
      measuring(() => Number.POSITIVE_INFINITY),
      "measures a block as",
      "a block's measure is Infinity, wanted a finite",
    ],
    ["a measure of chance", measuring(() => Math.random()), "measures a block as", "measured twice: number 0 is"],
    [
      "a measure of sums",
      measuring((layers) => layers[0]?.stats.get(inputNorm).squares?.[0] ?? 0),
      "measures without regard",
      "every token given twice: number 0 is",
    ],
    [
      "an undeclared need",
      plugin({ ...sound, needs: [] }),
      "measures a block as",
      "the statistic inputNorm was asked for, but the declared needs are: none",
    ],
    [
      "one that ranks by a scorer",
      plugin({
        scorer: { needs: [], selection: { group: "model", rule: "exact" }, score: async ({ weights }) => weights },
        budget: "row",
      }),
      "meets the budget",
      "sound ranks by a scorer; these are the laws of allocators that choose ratios",
    ],
  ])("catches %s", async (_, broken, law, message) => {
    const tests = new Map<string, () => void | Promise<void>>();
    describeAllocator({ describe: (_name, body) => body(), it: (name, body) => tests.set(name, body) }, broken);
    const name = [...tests.keys()].find((key) => key.startsWith(law)) as string;
    await expect((async () => tests.get(name)?.())()).rejects.toThrow(message);
  });

  it("shows measures only to an allocator that measures", async () => {
    const seen: AllocateLayer[] = [];
    const noting = plugin({
      ...flat,
      allocate(layers, ratio) {
        seen.push(...layers);
        return flat.allocate(layers, ratio);
      },
    });
    const tests: (() => void | Promise<void>)[] = [];
    describeAllocator({ describe: (_name, body) => body(), it: (_name, body) => tests.push(body) }, noting);
    for (const test of tests) await test();
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.filter((layer) => "measure" in layer)).toEqual([]);
  });
});

function plugin(allocator: Allocator): AllocatorPlugin {
  return defineAllocator({ name: "sound", summary: "an allocator for this test", options: noOptions, create: () => allocator });
}

/** The sound allocator with its ratios changed afterwards. */
function allocating(change: (ratios: number[]) => number[]): AllocatorPlugin {
  return plugin({ ...sound, allocate: (layers, ratio) => change([...sound.allocate(layers, ratio)]) });
}

function measuring(measure: Required<RatioAllocator>["measure"]): AllocatorPlugin {
  return plugin({ ...sound, measure });
}
