import {
  type AllocateLayer,
  type AllocatorPlugin,
  defineAllocator,
  inputNorm,
  inputRms,
  type MeasureLayer,
  numberFromText,
  type RatioAllocator,
  SecateurError,
} from "@secateur/kit";
import { firstNotFinite } from "@secateur/tensor";
import picomatch from "picomatch";
import { z } from "zod";
import { meetBudget } from "./budget.ts";
import { numberOption } from "./options.ts";

/** Options of the allocator `owl`. */
export interface OwlOptions {
  /** How many times a block's mean score an outlier exceeds, at least 1. */
  readonly M: number;
  /** How far a block's ratio may be from the asked one, 0 to 0.5. */
  readonly lambda: number;
}

/** Options of the allocator `table`: globs of tensor names and the ratio, 0 to 1, of the layers that each is the first to match. */
export type TableOptions = Readonly<Record<string, number>>;

/** The asked ratio for every layer. */
export const uniformAllocator: AllocatorPlugin<Readonly<Record<string, never>>, RatioAllocator> = defineAllocator({
  name: "uniform",
  summary: "the same ratio for every layer",
  options: z.strictObject({}),
  create: () => ({ needs: [], allocate: (layers, ratio) => layers.map(() => ratio) }),
});

/** Blocks with more outliers among their scores keep more weights (OWL, arXiv 2310.05175, section 3). */
export const owlAllocator: AllocatorPlugin<OwlOptions, RatioAllocator> = defineAllocator({
  name: "owl",
  summary: "lower ratios for blocks with more outliers among their scores |W|·n",
  options: z.strictObject({
    M: numberOption(5, { min: 1 }, "how many times a block's mean score an outlier exceeds"),
    lambda: numberOption(0.08, { min: 0, max: 0.5 }, "how far a block's ratio may be from the asked one"),
  }),
  create: ({ M, lambda }) => ({
    needs: [inputNorm],
    measure: (layers) => outlierShare(layers, M),
    allocate: (layers, ratio) => owlRatios(layers, ratio, lambda),
  }),
});

/** Ratios as they are given for globs of tensor names; the layers that none matches share what is left of the budget. */
export const tableAllocator: AllocatorPlugin<TableOptions, RatioAllocator> = defineAllocator({
  name: "table",
  summary: "given ratios for globs of tensor names, and one that meets the budget for the others",
  options: z
    .record(z.string().min(1), z.preprocess(numberFromText, z.number().min(0).max(1)))
    .meta({ description: "globs of tensor names, the first that matches a layer counts, and the ratio of its layers" }),
  create: (table) => ({ needs: [], allocate: (layers, ratio) => tableRatios(layers, ratio, table) }),
});

/** Every allocator, the default first. */
export const allocators: readonly AllocatorPlugin[] = [uniformAllocator, owlAllocator, tableAllocator];

/**
 * The layerwise outlier distribution D of a block: the share of its scores |W_ij|·n[j], of all its layers together, that exceed M times their mean.
 * Throws SecateurError `numeric` for a norm that is not finite.
 */
export function outlierShare(layers: readonly MeasureLayer[], M: number): number {
  const parts = layers.map(({ layer: { name, weights }, stats }) => {
    const norms = inputRms(stats); // (cols)
    const bad = firstNotFinite(norms);
    if (bad >= 0) {
      throw new SecateurError("numeric", `the norm of input channel ${bad} of ${name} is ${norms[bad]}, wanted a finite number`, {
        where: { tensor: name },
      });
    }
    return { weights: weights.data, norms };
  });
  let [total, count] = [0, 0];
  for (const { weights, norms } of parts) {
    for (let at = 0; at < weights.length; ) {
      for (let j = 0; j < norms.length; j++, at++) total += Math.abs(weights[at] as number) * (norms[j] as number);
    }
    count += weights.length;
  }
  const limit = (M * total) / count;
  let outliers = 0;
  for (const { weights, norms } of parts) {
    for (let at = 0; at < weights.length; ) {
      for (let j = 0; j < norms.length; j++, at++) if (Math.abs(weights[at] as number) * (norms[j] as number) > limit) outliers++;
    }
  }
  return outliers / count;
}

/** The blocks' D, brought to 0 … 2λ, say by how much a block's ratio is below the asked one; then the mean of blocks gives way to the exact budget. */
function owlRatios(layers: readonly AllocateLayer[], ratio: number, lambda: number): number[] {
  const most = Math.min(ratio, 1 - ratio);
  if (lambda > most * (1 + 2 ** -50)) {
    const reach = `ratios from ${rounded(ratio - lambda)} to ${rounded(ratio + lambda)}`;
    throw new SecateurError(
      "usage",
      `allocator owl: lambda ${lambda} was given, which at the ratio ${ratio} allows ${reach}: these have to be within 0 to 1, so lambda can be at most ${rounded(most)}`,
    );
  }
  const shares = new Map(layers.map(({ block, measure }) => [block, measure as number])); // an allocator that measures is given what it measured
  const all = [...shares.values()];
  const [least, span] = [Math.min(...all), Math.max(...all) - Math.min(...all)];
  if (!(span > 0)) return layers.map(() => ratio);
  const scaled = new Map([...shares].map(([block, share]) => [block, ((share - least) / span) * 2 * lambda]));
  const mean = [...scaled.values()].reduce((sum, value) => sum + value, 0) / scaled.size;
  const band = [Math.max(0, ratio - lambda), Math.min(1, ratio + lambda)] as const;
  const wanted = layers.map(({ block }) => Math.min(band[1], Math.max(band[0], ratio + mean - (scaled.get(block) as number))));
  return meetBudget(wanted, layers.map(sizeOfLayer), ratio, band);
}

function tableRatios(layers: readonly AllocateLayer[], ratio: number, table: TableOptions): number[] {
  const rules = Object.entries(table).map(([glob, of]) => ({ glob, of, matches: picomatch(glob, { dot: true, bash: true }) }));
  const chosen = layers.map(({ name }) => rules.find(({ matches }) => matches(name)));
  for (const rule of rules) {
    if (chosen.includes(rule)) continue;
    const why = layers.some(({ name }) => rule.matches(name))
      ? "has no effect: every layer that it matches is taken by a glob before it"
      : `matches no layer that is pruned; layers are called like ${layers[0]?.name}`;
    throw new SecateurError("usage", `allocator table: "${rule.glob}" ${why}`);
  }
  const sizes = layers.map(sizeOfLayer);
  const whole = sizes.reduce((sum, size) => sum + size, 0);
  let [pruned, left] = [0, 0];
  for (const [i, rule] of chosen.entries()) {
    if (rule) pruned += rule.of * (sizes[i] as number);
    else left += sizes[i] as number;
  }
  const missing = ratio * whole - pruned;
  const slack = layers.length / 2; // half a weight a layer: what comes of a ratio that was written with few digits
  if (left === 0 && Math.abs(missing) > slack) {
    const found = `all layers are named, and their ratios prune ${Math.round(pruned)} of ${whole} weights (${rounded(pruned / whole)})`;
    throw new SecateurError("usage", `allocator table: ${found}, but the ratio ${ratio} wants ${Math.round(ratio * whole)}`);
  }
  if (missing < -slack || missing > left + slack) {
    const found = `the layers that it names prune ${Math.round(pruned)} of ${whole} weights, and the ratio ${ratio} wants ${Math.round(ratio * whole)}`;
    const needed = `the other layers' ${left} weights would need the ratio ${rounded(missing / left)}, which is not within 0 to 1`;
    throw new SecateurError("usage", `allocator table: ${found}: ${needed}`);
  }
  const rest = Math.min(1, Math.max(0, missing / left));
  return chosen.map((rule) => rule?.of ?? rest);
}

function sizeOfLayer({ shape: [rows, cols] }: AllocateLayer): number {
  return rows * cols;
}

/** A number for a message, to four digits. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
