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

/** What was done to the layers of a model, seen from several sides. */
export function layerSections(manifest: Manifest): readonly (Section | undefined)[] {
  const grid = gridOf(manifest.tensors);
  return [zeros(manifest, grid), channels(manifest, grid), overlaps(manifest, grid), scores(manifest, grid)];
}

function zeros({ tensors }: Manifest, grid: Grid): Section {
  return section("sparsity", "Sparsity", [
    heatMap({
      id: "sparsity-map",
      title: "Zeros by block and kind of layer",
      description: sameEverywhere(tensors),
      grid,
      valueAt: (block, kind) => sparsity(grid.at(block, kind)),
    }),
    details(
      "The shares as a table",
      byBlock(grid, "zeros", (block, kind) => write(sparsity(grid.at(block, kind)))),
    ),
    details("Every layer", layerTable(tensors)),
  ]);
}

function sameEverywhere(tensors: readonly LayerReport[]): string {
  const shares = tensors.map((layer) => percent(sparsity([layer]) ?? 0));
  const [first] = shares;
  if (first !== undefined && shares.every((share) => share === first)) return `Every layer has ${first} zeros.`;
  const values = tensors.map((layer) => sparsity([layer]) ?? 0);
  return `From ${percent(Math.min(...values))} to ${percent(Math.max(...values))} of a layer's weights are zero; the darker, the more.`;
}

function channels({ tensors, data, recipe }: Manifest, grid: Grid): Section | undefined {
  const parted = tensors.filter((layer) => layer.channels);
  if (data.length < 2) return undefined;
  if (parted.length === 0) {
    const why = html`<p class="note">No layer's input channels were parted: ${name(recipe.fusion)} did not do so in this run.</p>
`;
    return section("channels", "Shared and exclusive channels", [why]);
  }
  const roles = Object.keys(parted[0]?.channels?.exclusive ?? {});
  const names = ["shared", ...roles.map((role) => `exclusive to ${role}`)];
  const series = seriesOf(names, "shared");
  const share = (layers: readonly LayerReport[], one: string): number | undefined => {
    const place = names.indexOf(one);
    return place === 0 ? sharedChannels(layers) : exclusiveChannels(layers, roles[place - 1] as string);
  };
  const several = roles.length > 2 ? " A channel that several but not all roles own counts for each of these." : "";
  const meaning = `Input channels of about equal activation norm in all roles are shared; others are exclusive to the roles in which they are stronger.${several}`;
  return section("channels", "Shared and exclusive channels", [
    dots({
      id: "channels-by-kind",
      title: "Channels by kind of layer",
      description: meaning,
      names: grid.kinds.map((kind) => grid.labelOf(kind)),
      series,
      valueAt: (label, one) => share(grid.of(grid.kinds.find((kind) => grid.labelOf(kind) === label) ?? ""), one),
    }),
    lines({
      id: "channels-by-block",
      title: "Channels from block to block",
      description: "The same shares in each block, for every kind of layer.",
      grid,
      series,
      valueAt: (block, kind, one) => share(grid.at(block, kind), one),
    }),
    details("The shares as tables", [
      byKind(grid, "channels by kind", names, (kind, one) => write(share(grid.of(kind), one))),
      ...names.map((one) => byBlock(grid, one, (block, kind) => write(share(grid.at(block, kind), one)))),
    ]),
  ]);
}

function overlaps({ tensors, roleScores, sparsity: whole }: Manifest, grid: Grid): Section {
  const pairs = pairsOf(tensors);
  if (pairs.length === 0) return section("overlap", "Overlap of the roles' masks", [absent(roleScores)]);
  const names = pairs.map(([one, other]) => `${one} and ${other}`);
  const pairOf = (text: string) => pairs[names.indexOf(text)] as (typeof pairs)[number];
  const chance = (1 - whole.ratio) / (1 + whole.ratio);
  const index = (value: number | undefined): string => (value === undefined ? "" : value.toFixed(3));
  return section("overlap", "Overlap of the roles' masks", [
    lines({
      id: "overlap-by-block",
      title: "How far two roles would keep the same weights",
      description: `Jaccard's index of what each role's scores alone would keep: the weights that both keep, divided by those that at least one of them does. 1 is the same choice; choices that have nothing to do with each other would come to ${index(chance)} (the dotted line). ${sampleText(roleScores)}`,
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
  ]);
}

function scores({ tensors, roleScores }: Manifest, grid: Grid): Section | undefined {
  const roles = Object.keys(tensors.find((layer) => layer.roles)?.roles?.histograms ?? {});
  if (roles.length === 0) return undefined; // why not stands with their overlap
  const of = (kind: string, role: string) => histogram(grid.of(kind), role);
  return section("scores", "Scores of the roles", [
    histograms({
      id: "scores-by-kind",
      title: "Scores by kind of layer",
      description: `What share of a role's scores lies in each bin, half an octave wide; scores are divided by the role's level, so that roles can be compared. The lowest and the highest ${percent(TRIMMED)} are not drawn. ${sampleText(roleScores)}`,
      grid,
      series: seriesOf(roles),
      histogramOf: of,
    }),
    details(
      "The scores as tables",
      grid.kinds.map((kind) => histogramTable(grid.labelOf(kind), roles, (role) => of(kind, role))),
    ),
  ]);
}

/** Why there is nothing to tell of the roles' own scores. */
function absent(roleScores: Manifest["roleScores"]): Html {
  const why = "absent" in roleScores ? roleScores.absent : "no layer tells of them";
  return html`<p class="note">Roles have no scores to hold beside each other here: <bdi>${why}</bdi>.</p>
`;
}

function sampleText(roleScores: Manifest["roleScores"]): string {
  return "rows" in roleScores ? `Of each layer at most ${roleScores.rows} rows, evenly spaced, were looked at.` : "";
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
