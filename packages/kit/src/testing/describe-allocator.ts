import { seededRandom } from "@secateur/tensor";
import type { AllocateLayer, AllocatorPlugin, MeasureLayer, RatioAllocator } from "../contracts.ts";
import { demand, demandClose, parseOptions, pluginLaws } from "./plugin-laws.ts";
import { layerOf, type MakeStats, randomSample, type Sample, statsOf, together } from "./sample.ts";
import type { TestApi } from "./test-api.ts";

/** What `describeAllocator` may need to know beyond the plugin. */
export interface DescribeAllocatorOptions {
  /** Options for the plugin, for each case's layers and asked ratio (0.1 to 0.9); its defaults when left out. */
  readonly options?: (layers: readonly AllocateLayer[], ratio: number) => object;
  /** Options may have any name, as globs do. */
  readonly freeNames?: boolean;
  /** Makes the statistics that are not kit's own. */
  readonly makeStats?: MakeStats;
}

/**
 * The laws of an allocator that chooses ratios, as tests: every layer gets a ratio of 0 to 1 and together they meet the budget, whatever the order of the layers; blocks
 * that measure the same are treated the same; measures are finite and do not depend on the number of tokens; its inputs stay as they are.
 */
export function describeAllocator(t: TestApi, plugin: AllocatorPlugin, options: DescribeAllocatorOptions = {}): void {
  const optionsOf = (layers: readonly AllocateLayer[], ratio: number): object => options.options?.(layers, ratio) ?? {};
  const make = async ({ layers, ratio }: Case): Promise<RatioAllocator> => {
    const made = plugin.create(await parseOptions(plugin.options, optionsOf(layers, ratio)));
    demand("allocate" in made, `${plugin.name} ranks by a scorer; these are the laws of allocators that choose ratios`);
    return made;
  };
  const ratiosOf = async (one: Case): Promise<readonly number[]> => {
    const allocator = await make(one);
    return allocator.allocate(seenBy(allocator, one.layers), one.ratio);
  };
  const cases = [1, 2, 3, 4, 5].map(randomCase);
  const [first] = cases as [Case];

  t.describe(`allocator ${plugin.name}`, () => {
    pluginLaws(t, plugin, "allocator", optionsOf(first.layers, first.ratio), options.freeNames);

    t.it("needs statistics only where it measures", async () => {
      const { needs, measure } = await make(first);
      const ids = needs.map(({ id }) => id).join(", ");
      demand(new Set(needs.map(({ id }) => id)).size === needs.length, `needs repeat: ${ids}`);
      demand(measure !== undefined || needs.length === 0, `it has no measure to read what it needs with: ${ids}`);
    });

    t.it("gives every layer a ratio of 0 to 1", async () => {
      for (const one of cases) {
        const ratios = await ratiosOf(one);
        demand(ratios.length === one.layers.length, `${ratios.length} ratios for ${one.layers.length} layers`);
        const bad = ratios.findIndex((ratio) => !(ratio >= 0 && ratio <= 1));
        demand(bad < 0, `the ratio of ${one.layers[bad]?.name} is ${ratios[bad]}, wanted a number from 0 to 1`);
      }
    });

    t.it("meets the budget", async () => {
      for (const one of cases) {
        const found = (await ratiosOf(one)).reduce((sum, ratio, i) => sum + ratio * sizeOf(one.layers[i] as AllocateLayer), 0);
        const wanted = one.ratio * one.layers.reduce((sum, layer) => sum + sizeOf(layer), 0);
        // Double precision, with room for sums of many layers.
        demand(Math.abs(found - wanted) <= 1e-9 * wanted, `the ratios prune ${found} weights, wanted ${wanted}`);
      }
    });

    t.it("gives the same ratios again", async () => {
      for (const one of cases) demandClose(await ratiosOf(one), await ratiosOf(one), 0, "allocated twice");
    });

    t.it("does not change its inputs", async () => {
      const allocator = await make(first);
      const layers = structuredClone(seenBy(allocator, first.layers)) as AllocateLayer[];
      allocator.allocate(layers, first.ratio);
      const [now, was] = [JSON.stringify(layers), JSON.stringify(seenBy(allocator, first.layers))];
      demand(now === was, `the layers after allocating are ${now}, wanted ${was}`);
      if (!allocator.measure) return;
      const [given, fresh] = [blockOf(first.seed, allocator, options.makeStats), blockOf(first.seed, allocator, options.makeStats)];
      allocator.measure(given);
      for (const [i, { layer, stats }] of given.entries()) {
        const before = fresh[i] as MeasureLayer;
        demandClose(layer.weights.data, before.layer.weights.data, 0, "the layer's weights after measuring");
        for (const need of allocator.needs) {
          const sums = before.stats.get(need);
          for (const [name, values] of Object.entries(stats.get(need))) {
            demandClose(values, sums[name] as Float64Array, 0, `the statistic ${need.id}, ${name}, after measuring`);
          }
        }
      }
    });

    t.it("gives layers their ratios whatever their order", async () => {
      for (const one of cases) {
        const turned = await ratiosOf({ ...one, layers: one.layers.toReversed() });
        demandClose(turned.toReversed(), await ratiosOf(one), 1e-9, "layers in the opposite order"); // sums in another order
      }
    });

    t.it("gives equal ratios where all blocks measure the same", async () => {
      for (const one of cases) {
        if (!(await make(one)).measure) return;
        const equal = { ...one, layers: one.layers.map((layer) => ({ ...layer, measure: 0.25 })) };
        const wanted = one.layers.map(() => one.ratio);
        demandClose(await ratiosOf(equal), wanted, 1e-9, "every block's measure is 0.25");
      }
    });

    t.it("treats blocks alike that measure the same", async () => {
      for (const one of cases) {
        if (!(await make(one)).measure) return;
        const last = 1 + Math.max(...one.layers.map(({ block }) => block));
        const copies = one.layers
          .filter(({ block }) => block === 0)
          .map((layer) => ({ ...layer, name: `${layer.name}.copy`, block: last }));
        const ratios = await ratiosOf({ ...one, layers: [...one.layers, ...copies] });
        demandClose(ratios.slice(one.layers.length), ratios.slice(0, copies.length), 1e-9, `block ${last} measures the same as block 0`);
      }
    });

    t.it("measures a block as a finite number, the same again", async () => {
      for (const one of cases) {
        const allocator = await make(one);
        const measure = (): number | undefined => allocator.measure?.(blockOf(one.seed, allocator, options.makeStats));
        const found = measure();
        if (found === undefined) return;
        demand(Number.isFinite(found), `a block's measure is ${found}, wanted a finite number`);
        demandClose([measure() as number], [found], 0, "measured twice");
      }
    });

    t.it("measures without regard to the number of tokens", async () => {
      for (const one of cases) {
        const allocator = await make(one);
        const wanted = allocator.measure?.(blockOf(one.seed, allocator, options.makeStats));
        if (wanted === undefined) return;
        const found = allocator.measure?.(blockOf(one.seed, allocator, options.makeStats, (sample) => together([sample, sample])));
        demandClose([found as number], [wanted], 1e-9, "every token given twice");
      }
    });
  });
}

interface Case {
  readonly seed: number;
  readonly layers: readonly AllocateLayer[];
  readonly ratio: number;
}

/** Two to six blocks of one to four layers of many sizes, and a ratio from 0.1 to 0.9. */
function randomCase(seed: number): Case {
  const random = seededRandom(seed);
  const upTo = (most: number): number => 1 + Math.floor(random.next() * most);
  const blocks = Array.from({ length: 1 + upTo(5) }, (_, block) => ({ block, count: upTo(4), measure: random.next() }));
  const layers = blocks.flatMap(({ block, count, measure }) =>
    Array.from({ length: count }, (_, i) => ({
      name: `blocks.${block}.layer${i}.weight`,
      block,
      shape: [upTo(64), upTo(64)] as const,
      measure,
    })),
  );
  return { seed, layers, ratio: 0.1 + 0.8 * random.next() };
}

/** The layers as the engine shows them: without measures where there are none. */
function seenBy({ measure }: RatioAllocator, layers: readonly AllocateLayer[]): readonly AllocateLayer[] {
  return measure ? layers : layers.map(({ name, block, shape }) => ({ name, block, shape }));
}

/** A block of three layers with the statistics that an allocator needs. */
function blockOf(
  seed: number,
  { needs }: RatioAllocator,
  makeStats: MakeStats | undefined,
  change: (sample: Sample) => Sample = (sample) => sample,
): MeasureLayer[] {
  return [
    [6, 16],
    [16, 8],
    [3, 4],
  ].map(([rows, cols], i) => {
    const sample = randomSample(10 * seed + i, rows as number, cols as number);
    return { layer: layerOf({ ...sample, weights: sample.weights.slice() }), stats: statsOf(change(sample), needs, makeStats) };
  });
}

function sizeOf({ shape: [rows, cols] }: AllocateLayer): number {
  return rows * cols;
}
