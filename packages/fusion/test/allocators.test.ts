import { type AllocateLayer, type AllocatorPlugin, inputNorm, SecateurError } from "@secateur/kit";
import { parseOptions } from "@secateur/kit/node";
import { describeAllocator, layerOf, randomSample, statsOf } from "@secateur/kit/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allocators, outlierShare, owlAllocator, tableAllocator, uniformAllocator } from "../src/index.ts";

describeAllocator({ describe, it }, uniformAllocator);
describeAllocator({ describe, it }, owlAllocator);
describe("no room", () => describeAllocator({ describe, it }, owlAllocator, { options: () => ({ lambda: 0 }) }));
describeAllocator({ describe, it }, tableAllocator, { freeNames: true });
describe("a named block", () =>
  describeAllocator({ describe, it }, tableAllocator, {
    options: (_, ratio) => ({ "blocks.0.*": String(0.9 * ratio) }),
    freeNames: true,
  }));

describe("outlierShare", () => {
  it("is what was worked out by hand", () => {
    // |W|·n over both layers: 1 1 1 9 and 2 4; their mean is 3, and 9 alone exceeds three times, 4 and 9 once.
    const one = { layer: layerOf({ ...randomSample(1, 2, 2), weights: Float32Array.of(1, -0.5, 1, 4.5) }), stats: normsOf([1, 2]) };
    const two = { layer: layerOf({ ...randomSample(1, 1, 2), weights: Float32Array.of(-1, 1) }), stats: normsOf([2, 4]) };
    expect(outlierShare([one, two], 1)).toBe(2 / 6);
    expect(outlierShare([one, two], 2.5)).toBe(1 / 6);
    expect(outlierShare([one, two], 3)).toBe(0);
    expect(outlierShare([{ ...one, stats: normsOf([0, 0]) }], 1)).toBe(0);
  });

  it("refuses statistics of no tokens, naming the layer", () => {
    const layer = layerOf(randomSample(1, 1, 2));
    expect(() => outlierShare([{ layer, stats: normsOf([Number.NaN, 1]) }], 5)).toThrow(
      new SecateurError("numeric", "the norm of input channel 0 of blocks.0.up.weight is NaN, wanted a finite number", {
        where: { tensor: "blocks.0.up.weight" },
      }),
    );
  });
});

describe("owl", () => {
  it("gives the published ratios where blocks are of one size", () => {
    // D 0.1 0.2 0.5 become 0 0.04 0.16, their mean is 1/15, and a block's ratio is 0.7 + 1/15 less its own: within 0.62 to 0.78 all but the last.
    const layers = [0.1, 0.2, 0.5].map((measure, block) => layer(`blocks.${block}.a`, block, [10, 10], measure));
    const mean = 0.2 / 3;
    const wanted = [0.7 + mean, 0.7 + mean - 0.04, 0.62];
    const shift = (2.1 - wanted.reduce((sum, r) => sum + r, 0)) / 2; // what the last one's end of the band took goes to the others
    const ratios = owl(0.08).allocate(layers, 0.7);
    expect(ratios).toEqual([wanted[0], wanted[1], 0.62].map((r, i) => expect.closeTo((r as number) + (i < 2 ? shift : 0), 12)));
  });

  it("keeps more where more is outlying, within lambda of the asked ratio, and the budget exact for blocks of any size", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ D: fc.double({ min: 0, max: 1, noNaN: true }), rows: fc.integer({ min: 1, max: 50 }) }), {
          minLength: 2,
          maxLength: 12,
        }),
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: 0, max: 100 }),
        (blocks, percent, part) => {
          const ratio = percent / 100;
          const lambda = (Math.min(percent, 100 - percent) / 100) * (part / 100);
          const layers = blocks.map(({ D, rows }, block) => layer(`blocks.${block}.a`, block, [rows, 8], D));
          const ratios = owl(lambda).allocate(layers, ratio);
          const sizes = blocks.map(({ rows }) => rows * 8);
          const whole = sizes.reduce((sum, size) => sum + size, 0);
          expect(Math.abs(ratios.reduce((sum, r, i) => sum + r * (sizes[i] as number), 0) - ratio * whole)).toBeLessThan(1e-9 * whole);
          for (const [i, r] of ratios.entries()) {
            expect(r).toBeGreaterThanOrEqual(Math.max(0, ratio - lambda));
            expect(r).toBeLessThanOrEqual(Math.min(1, ratio + lambda));
            for (const [k, other] of ratios.entries()) {
              if ((blocks[i]?.D as number) > (blocks[k]?.D as number)) expect(r).toBeLessThanOrEqual(other + 1e-12);
            }
          }
        },
      ),
    );
  });

  it("gives all layers of a block its ratio", () => {
    const layers = [
      layer("blocks.0.a", 0, [4, 4], 0.1),
      layer("blocks.0.b", 0, [9, 4], 0.1),
      layer("blocks.1.a", 1, [4, 4], 0.3),
      layer("blocks.1.b", 1, [2, 2], 0.3),
    ];
    const [a, b, c, d] = owl(0.08).allocate(layers, 0.5);
    expect([a === b, c === d, (a as number) > (c as number)]).toEqual([true, true, true]);
  });

  it.each([
    [0.08, 0.05, "ratios from -0.03 to 0.13: these have to be within 0 to 1, so lambda can be at most 0.05"],
    [0.3, 0.9, "ratios from 0.6 to 1.2: these have to be within 0 to 1, so lambda can be at most 0.1"],
    [0.08, 0, "ratios from -0.08 to 0.08: these have to be within 0 to 1, so lambda can be at most 0"],
  ])("refuses lambda %d at the ratio %d", (lambda, ratio, message) => {
    const layers = [layer("a", 0, [4, 4], 0.1), layer("b", 1, [4, 4], 0.2)];
    expect(() => owl(lambda).allocate(layers, ratio)).toThrow(
      new SecateurError("usage", `allocator owl: lambda ${lambda} was given, which at the ratio ${ratio} allows ${message}`),
    );
  });

  it("takes the largest lambda that fits, whatever the rounding of 1 − S", () => {
    for (const percent of [1, 8, 23, 42, 50, 58, 77, 92, 99]) {
      const layers = [layer("a", 0, [4, 4], 0.1), layer("b", 1, [4, 4], 0.2)];
      const lambda = Math.min(percent, 100 - percent) / 100;
      const [low, high] = owl(lambda).allocate(layers, percent / 100);
      for (const ratio of [low, high]) expect((ratio as number) >= 0 && (ratio as number) <= 1).toBe(true);
    }
  });

  it("reads its options from text", async () => {
    expect(await parseOptions(owlAllocator, { M: "7", lambda: "0.1" })).toEqual({ M: 7, lambda: 0.1 });
    await expect(parseOptions(owlAllocator, { M: 0.5, lambda: 0.6, m: 1 })).rejects.toThrow('no option is called "m"; did you mean "M"?');
    await expect(parseOptions(owlAllocator, { M: 0.5, lambda: 0.6 })).rejects.toThrow(
      'option "M": Too small: expected number to be >=1; option "lambda": Too big: expected number to be <=0.5',
    );
  });
});

describe("table", () => {
  const layers = [
    layer("model.layers.0.self_attn.q_proj.weight", 0, [10, 10]),
    layer("model.layers.0.mlp.up_proj.weight", 0, [20, 10]),
    layer("model.layers.1.self_attn.q_proj.weight", 1, [10, 10]),
    layer("model.layers.1.mlp.up_proj.weight", 1, [20, 10]),
  ];

  it.each<[Record<string, unknown>, number, number[]]>([
    [{}, 0.5, [0.5, 0.5, 0.5, 0.5]],
    [{ "model.layers.0.*": "0.3" }, 0.5, [0.3, 0.3, 0.7, 0.7]],
    [{ "*.up_proj.weight": 0.6, "model.layers.0.*": 0.4 }, 0.5, [0.4, 0.6, 0.2, 0.6]],
    [{ "*.q_proj.weight": "1" }, 0.5, [1, 0.25, 1, 0.25]],
    [{ "model.layers.{0,1}.*": 0.5 }, 0.5, [0.5, 0.5, 0.5, 0.5]],
    [{ "*.q_proj.weight": 0.4, "*": 0.55 }, 0.5, [0.4, 0.55, 0.4, 0.55]],
    // 599.4 of 600 · 0.333 = 199.8 and 200 weights: written with three digits, a fifth of a weight off.
    [{ "*": 0.333 }, 1 / 3, [0.333, 0.333, 0.333, 0.333]],
  ])("%j at %d: %j", async (given, ratio, wanted) => {
    const ratios = tableAllocator.create(await parseOptions(tableAllocator, given)).allocate(layers, ratio);
    expect(ratios).toEqual(wanted.map((r) => expect.closeTo(r, 12)));
  });

  it.each<[Record<string, number>, number, string]>([
    [
      { "model.layers.7.*": 0.3 },
      0.5,
      '"model.layers.7.*" matches no layer that is pruned; layers are called like model.layers.0.self_attn.q_proj.weight',
    ],
    [
      { "*": 0.5, "model.layers.0.*": 0.5 },
      0.5,
      '"model.layers.0.*" has no effect: every layer that it matches is taken by a glob before it',
    ],
    [
      { "model.layers.0.*": 0.9 },
      0.2,
      "the layers that it names prune 270 of 600 weights, and the ratio 0.2 wants 120: the other layers' 300 weights would need the ratio -0.5, which is not within 0 to 1",
    ],
    [
      { "model.layers.0.*": 0 },
      0.7,
      "the layers that it names prune 0 of 600 weights, and the ratio 0.7 wants 420: the other layers' 300 weights would need the ratio 1.4, which is not within 0 to 1",
    ],
    [{ "*": 0.3 }, 0.5, "all layers are named, and their ratios prune 180 of 600 weights (0.3), but the ratio 0.5 wants 300"],
  ])("refuses %j at %d", (table, ratio, message) => {
    expect(() => tableAllocator.create(table).allocate(layers, ratio)).toThrow(new SecateurError("usage", `allocator table: ${message}`));
  });

  it.each([
    [{ "*": "half" }, 'option "*": Invalid input: expected number, received string'],
    [{ "*": 1.5 }, 'option "*": Too big: expected number to be <=1'],
    [{ "*": -0.1 }, 'option "*": Too small: expected number to be >=0'],
  ])("%j is refused: %s", async (given, message) => {
    await expect(parseOptions(tableAllocator, given)).rejects.toThrow(
      new SecateurError("usage", `allocator "table": ${message}; its options are … (number)`),
    );
  });
});

it("lists every allocator, the default first", () => {
  expect(allocators.map(({ name }: AllocatorPlugin) => name)).toEqual(["uniform", "owl", "table"]);
});

function owl(lambda: number) {
  return owlAllocator.create({ M: 5, lambda });
}

function layer(name: string, block: number, shape: readonly [number, number], measure?: number): AllocateLayer {
  return { name, block, shape, measure };
}

/** Statistics of one token whose channels have these norms. */
function normsOf(norms: readonly number[]) {
  return statsOf(
    {
      rows: 1,
      cols: norms.length,
      weights: new Float32Array(norms.length),
      inputs: Float64Array.from(norms),
      tokenWeights: Float64Array.of(1),
      gradients: Float64Array.of(0),
    },
    [inputNorm],
  );
}
