import type { LayerReport, Manifest } from "@secateur/pipeline";
import { seriesOf } from "./charts/chart.ts";
import { dots } from "./charts/dots.ts";
import { blockName, heatMap } from "./charts/heat-map.ts";
import { histograms, TRIMMED } from "./charts/histograms.ts";
import { lines } from "./charts/lines.ts";
import { type Html, html, type Part } from "./html.ts";
import { exclusiveChannels, type Grid, gridOf, histogram, overlap, sharedChannels, sparsity } from "./layers.ts";
import { name, type Section, section } from "./page.ts";
import { details, type TableInput, table } from "./table.ts";
import { grouped, percent } from "./units.ts";

/** Layers that were pruned in one run, and what charts of them are called. */
export interface Pruned {
  readonly tensors: readonly LayerReport[];
  /** What ids of charts end in, where a page has several of a kind. */
  readonly suffix?: string;
  /** What the titles of charts say beside what they show. */
  readonly of?: string;
}

/** What was done to the layers of a model, seen from several sides. */
export function layerSections({ tensors, data, recipe, roleScores, sparsity: whole }: Manifest): readonly (Section | undefined)[] {
  const one = { tensors };
  const parted = tensors.some((layer) => layer.channels);
  const unparted = html`<p class="note">No layer's input channels were parted: ${name(recipe.fusion)} did not do so in this run.</p>
`;
  return [
    section("sparsity", "Sparsity", [...zeros(one), details("Every layer", layerTable(tensors))]),
    data.length < 2 ? undefined : section("channels", "Shared and exclusive channels", parted ? channels(one) : [unparted]),
    section("overlap", "Overlap of the roles' masks", hasOverlaps(tensors) ? overlaps(one, whole.ratio) : [absent(roleScores)]),
    hasScores(tensors) ? section("scores", "Scores of the roles", scores(one)) : undefined, // why not stands with their overlap
  ];
}

/** Where zeros are. */
export function zeros({ tensors, suffix = "", of }: Pruned): readonly Html[] {
  const grid = gridOf(tensors);
  return [
    heatMap({
      id: `sparsity-map${suffix}`,
      title: titled("Zeros by block and kind of layer", of),
      description: sameEverywhere(tensors),
      grid,
      valueAt: (block, kind) => sparsity(grid.at(block, kind)),
    }),
    details(
      "The shares as a table",
      byBlock(grid, titled("zeros", of), (block, kind) => write(sparsity(grid.at(block, kind)))),
    ),
  ];
}

function sameEverywhere(tensors: readonly LayerReport[]): string {
  const shares = tensors.map((layer) => percent(sparsity([layer]) ?? 0));
  const [first] = shares;
  if (first !== undefined && shares.every((share) => share === first)) return `Every layer has ${first} zeros.`;
  const values = tensors.map((layer) => sparsity([layer]) ?? 0);
  return `From ${percent(Math.min(...values))} to ${percent(Math.max(...values))} of a layer's weights are zero; the darker, the more.`;
}

/** Whose input channels are, of layers whose fusion parts them. */
export function channels({ tensors, suffix = "", of }: Pruned): readonly Html[] {
  const grid = gridOf(tensors);
  const roles = Object.keys(tensors.find((layer) => layer.channels)?.channels?.exclusive ?? {});
  const names = ["shared", ...roles.map((role) => `exclusive to ${role}`)];
  const series = seriesOf(names, "shared");
  const share = (layers: readonly LayerReport[], one: string): number | undefined => {
    const place = names.indexOf(one);
    return place === 0 ? sharedChannels(layers) : exclusiveChannels(layers, roles[place - 1] as string);
  };
  const several = roles.length > 2 ? " A channel that several but not all roles own counts for each of these." : "";
  const meaning = `Input channels of about equal activation norm in all roles are shared; others are exclusive to the roles in which they are stronger. So they lie, whatever the fusion makes of it.${several}`;
  return [
    dots({
      id: `channels-by-kind${suffix}`,
      title: titled("Channels by kind of layer", of),
      description: meaning,
      names: grid.kinds.map((kind) => grid.labelOf(kind)),
      series,
      valueAt: (label, one) => share(grid.of(grid.kinds.find((kind) => grid.labelOf(kind) === label) ?? ""), one),
    }),
    lines({
      id: `channels-by-block${suffix}`,
      title: titled("Channels from block to block", of),
      description: "The same shares in each block, for every kind of layer.",
      grid,
      series,
      valueAt: (block, kind, one) => share(grid.at(block, kind), one),
    }),
    details("The shares as tables", [
      byKind(grid, titled("channels by kind", of), names, (kind, one) => write(share(grid.of(kind), one))),
      ...names.map((one) => byBlock(grid, titled(one, of), (block, kind) => write(share(grid.at(block, kind), one)))),
    ]),
  ];
}

/** Whether layers tell how their roles' masks overlap. */
export function hasOverlaps(tensors: readonly LayerReport[]): boolean {
  return pairsOf(tensors).length > 0;
}

/** How far roles would keep the same weights, where `ratio` of them go. */
export function overlaps({ tensors, of }: Pruned, ratio: number): readonly Html[] {
  const grid = gridOf(tensors);
  const pairs = pairsOf(tensors);
  const names = pairs.map(([one, other]) => `${one} and ${other}`);
  const pairOf = (text: string) => pairs[names.indexOf(text)] as (typeof pairs)[number];
  const chance = (1 - ratio) / (1 + ratio);
  const index = (value: number | undefined): string => (value === undefined ? "" : value.toFixed(3));
  return [
    lines({
      id: "overlap-by-block",
      title: titled("How far two roles would keep the same weights", of),
      description: `Jaccard's index of what each role's scores alone would keep: the weights that both keep, divided by those that at least one of them does. 1 is the same choice; choices that have nothing to do with each other would come to ${index(chance)} (the dotted line). ${sampleText(tensors)}`,
      grid,
      series: seriesOf(names),
      valueAt: (block, kind, one) => overlap(grid.at(block, kind), pairOf(one)),
      write: index,
      reference: chance,
    }),
    details("The overlap as tables", [
      byKind(grid, "overlap by kind", names, (kind, one) => index(overlap(grid.of(kind), pairOf(one)))),
      ...names.map((one) => byBlock(grid, one, (block, kind) => index(overlap(grid.at(block, kind), pairOf(one))))),
    ]),
  ];
}

/** Whether layers tell their roles' scores. */
export function hasScores(tensors: readonly LayerReport[]): boolean {
  return scoredRoles(tensors).length > 0;
}

/** How the roles' scores are spread. */
export function scores({ tensors, of }: Pruned): readonly Html[] {
  const grid = gridOf(tensors);
  const roles = scoredRoles(tensors);
  const histogramOf = (kind: string, role: string) => histogram(grid.of(kind), role);
  return [
    histograms({
      id: "scores-by-kind",
      title: titled("Scores by kind of layer", of),
      description: `What share of a role's scores lies in each bin, half an octave wide; scores are divided by the role's level, so that roles can be compared. The lowest and the highest ${percent(TRIMMED)} are not drawn. ${sampleText(tensors)}`,
      grid,
      series: seriesOf(roles),
      histogramOf,
    }),
    details(
      "The scores as tables",
      grid.kinds.map((kind) => histogramTable(grid.labelOf(kind), roles, (role) => histogramOf(kind, role))),
    ),
  ];
}

/** Why there is nothing to tell of the roles' own scores. */
function absent(roleScores: Manifest["roleScores"]): Html {
  const why = "absent" in roleScores ? roleScores.absent : "no layer tells of them";
  return html`<p class="note">Roles have no scores to hold beside each other here: <bdi>${why}</bdi>.</p>
`;
}

function sampleText(tensors: readonly LayerReport[]): string {
  const rows = Math.max(...tensors.map(({ roles }) => roles?.rows ?? 0));
  return `Of each layer at most ${rows} rows, evenly spaced, were looked at.`;
}

function scoredRoles(tensors: readonly LayerReport[]): readonly string[] {
  return Object.keys(tensors.find((layer) => layer.roles)?.roles?.histograms ?? {});
}

function titled(title: string, of: string | undefined): string {
  return of === undefined ? title : `${title}: ${of}`;
}

function pairsOf(tensors: readonly LayerReport[]): (readonly [string, string])[] {
  const pairs = tensors.flatMap(({ roles }) => roles?.overlap.map((one) => one.roles) ?? []);
  return [...new Map(pairs.map((pair) => [JSON.stringify(pair), pair])).values()];
}

function write(share: number | undefined): string {
  return share === undefined ? "" : percent(share);
}

/** A table under its label. */
function titledTable(input: TableInput): Html {
  return html`<h3>${name(input.label)}</h3>
${table(input)}`;
}

/** A row for each block, a column for each kind. */
function byBlock(grid: Grid, label: string, valueAt: (block: number | undefined, kind: string) => string): Html {
  return titledTable({
    label,
    head: ["block", ...grid.kinds.map((kind) => name(grid.labelOf(kind)))],
    rows: grid.blocks.map((block) => [blockName(block), ...grid.kinds.map((kind) => valueAt(block, kind))]),
  });
}

/** A row for each kind, a column for each of some names. */
function byKind(grid: Grid, label: string, names: readonly string[], valueAt: (kind: string, one: string) => string): Html {
  return titledTable({
    label,
    head: ["kind", ...names.map(name)],
    rows: grid.kinds.map((kind) => [name(grid.labelOf(kind)), ...names.map((one) => valueAt(kind, one))]),
  });
}

function histogramTable(label: string, roles: readonly string[], histogramOf: (role: string) => ReturnType<typeof histogram>): Html {
  const all = roles.map(histogramOf);
  const filled = all.filter(({ counts }) => counts.length > 0);
  const first = Math.min(...filled.map((one) => one.first));
  const end = Math.max(...filled.map((one) => one.first + one.counts.length));
  const bins = filled.length === 0 ? [] : Array.from({ length: end - first }, (_, i) => first + i);
  const rows = bins.map((bin) => [(2 ** (bin / 2)).toPrecision(3), ...all.map((one) => grouped(one.counts[bin - one.first] ?? 0))]);
  return titledTable({
    label: `scores of ${label}`,
    head: ["from", ...roles.map(name)],
    rows: [["0 or less, or too small to be told from it", ...all.map(({ rest }) => grouped(rest))], ...rows],
  });
}

function layerTable(tensors: readonly LayerReport[]): Html {
  const notes = [...new Set(tensors.flatMap((layer) => Object.keys(layer.notes ?? {})))];
  const row = (layer: LayerReport): readonly Part[] => [
    name(layer.tensor),
    layer.shape.map(grouped).join(" × "),
    grouped(layer.zerosBefore),
    grouped(layer.zeros),
    percent(sparsity([layer]) ?? 0),
    grouped(layer.ties),
    ...notes.map((note) => (layer.notes && Object.hasOwn(layer.notes, note) ? String(layer.notes[note]) : "")),
  ];
  return table({
    label: "every layer",
    head: ["tensor", "shape", "zeros before", "zeros", "share", "ties", ...notes.map(name)],
    rows: tensors.map(row),
  });
}
