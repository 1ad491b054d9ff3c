import type { ComparedRow, LayerReport } from "@secateur/pipeline";
import { channels, hasOverlaps, hasScores, overlaps, type Pruned, scores, zeros } from "./layer-sections.ts";
import { type Section, section } from "./page.ts";
import { details } from "./table.ts";

/**
 * What the ways of a comparison did to the layers of a model. What several of them did alike is shown once, under all of their names; the roles' own scores are
 * those of the first way that has some, since all start from the same statistics.
 */
export function comparedLayers(rows: readonly ComparedRow[]): readonly (Section | undefined)[] {
  const pruned = rows.filter(({ layers }) => layers.length > 0);
  const seen = (has: (tensors: readonly LayerReport[]) => boolean): ComparedRow | undefined => pruned.find(({ layers }) => has(layers));
  const maps = alike(pruned, ({ zeros }) => zeros);
  const parted = alike(
    // To one role alone every channel is its own.
    pruned.filter(({ layers }) => layers.some(({ channels }) => Object.keys(channels?.exclusive ?? {}).length > 1)),
    ({ channels }) => channels,
  );
  const [overlapping, scored] = [seen(hasOverlaps), seen(hasScores)];
  return [
    maps.length === 0 ? undefined : section("sparsity", "Sparsity by layer", folded(maps, zeros)),
    parted.length === 0 ? undefined : section("channels", "Shared and exclusive channels", folded(parted, channels)),
    overlapping && section("overlap", "Overlap of the roles' masks", overlaps({ tensors: overlapping.layers }, overlapping.sparsity)),
    scored && section("scores", "Scores of the roles", scores({ tensors: scored.layers })),
  ];
}

/** The first at once, the others on demand. */
function folded(groups: readonly Pruned[], show: (group: Pruned) => ReturnType<typeof zeros>): Section["content"] {
  return groups.flatMap((group, i) => (i === 0 ? show(group) : [details(`The same by ${group.of}`, show(group))]));
}

/** Rows whose layers tell the same of something, as one under all of their names. */
function alike(rows: readonly ComparedRow[], told: (layer: LayerReport) => unknown): Pruned[] {
  const groups = new Map<string, { readonly tensors: readonly LayerReport[]; readonly names: string[] }>();
  for (const { name, layers } of rows) {
    const key = JSON.stringify(layers.map(told));
    const group = groups.get(key);
    if (group) group.names.push(name);
    else groups.set(key, { tensors: layers, names: [name] });
  }
  return [...groups.values()].map(({ tensors, names }, i) => ({ tensors, suffix: `-${i}`, of: names.join(", ") }));
}
