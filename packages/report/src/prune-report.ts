import type { Manifest, Quality } from "@secateur/pipeline";
import { pruneLine } from "./command-line.ts";
import { computedText } from "./computed.ts";
import { beforeAndAfter } from "./figures.ts";
import { type Html, html } from "./html.ts";
import { layerSections } from "./layer-sections.ts";
import { name, page, type Section, section, sections } from "./page.ts";
import { amountText, footer, modelName, recipeSection, warningsOf, withOptions } from "./parts.ts";
import { details, facts, table } from "./table.ts";
import { counted, grouped, humanBytes, humanCount, percent } from "./units.ts";

/**
 * A page on a prune: what it did to every layer and why, from what `secateur.json` says. One HTML file that runs no script and fetches nothing; every text of the
 * manifest is escaped. Equal manifests give equal pages.
 */
export function pruneReport(manifest: Manifest): string {
  const { model, sparsity, recipe, measure, backend, secateur, warnings } = manifest;
  const title = `${modelName(model.source)}: ${percent(sparsity.ratio)} pruned`;
  const parts = [
    changes(manifest),
    ...layerSections(manifest),
    method(manifest),
    data(manifest),
    recipeSection(pruneLine(recipe, measure), "--out OUT", { ...recipe, ...(measure && { measure }) }),
    hashes(manifest),
  ];
  const body = html`<header><p class="kicker">Secateur, report of a prune</p>
<h1>${name(modelName(model.source))}: <span class="whole">${percent(sparsity.ratio)}</span> of ${grouped(sparsity.of)} weights pruned</h1>
<p>${purposeOf(manifest)}</p></header>
${tiles(manifest)}${warningsOf(warnings)}${sections(parts)}${footer(secateur, backend)}`;
  return page({ title, data: manifest, body });
}

function purposeOf({ data, recipe }: Manifest): Html {
  if (data.length === 0) return html`By ${name(recipe.scorer)}, which reads no data.`;
  const roles = data.map(
    ({ role, weight }, i) => html`${i === 0 ? "" : i === data.length - 1 ? " and " : ", "}${name(role)} (${percent(weight)})`,
  );
  const fused = data.length > 1 ? html`, fused by ${name(recipe.fusion)}` : html``;
  return html`By ${name(recipe.scorer)}, for ${roles}${fused}.`;
}

function tiles({ sparsity, bytes, tensors }: Manifest): Html {
  return html`<ul class="tiles">
<li><b>${percent(sparsity.ratio)}</b><span>zeros in the layers that were pruned: ${grouped(sparsity.zeros)} of ${grouped(sparsity.of)} weights</span></li>
<li><b>${humanCount(sparsity.of - sparsity.zeros)}</b><span>weights stay, in ${counted(tensors.length, "layer")}: ${grouped(sparsity.of - sparsity.zeros)}</span></li>
<li><b>${humanBytes(bytes.dense)}</b><span>as it is stored, as large as before: zeros are stored like other numbers</span></li>
<li><b>${humanBytes(bytes.packed)}</b><span>with the zeros left out, for one bit a weight: what a packed form would take</span></li>
</ul>
`;
}

function changes({ sparsity, bytes, tensors, quality = [] }: Manifest): Section {
  const before = tensors.reduce((sum, { zerosBefore }) => sum + zerosBefore, 0);
  const share = (zeros: number): number => (sparsity.of === 0 ? 0 : zeros / sparsity.of);
  return section("before", "Before and after", [
    table({
      label: "before and after",
      head: ["", "before", "after"],
      rows: [
        ["zeros in the pruned layers", grouped(before), grouped(sparsity.zeros)],
        ["their share", percent(share(before)), percent(sparsity.ratio)],
        ["stored", humanBytes(bytes.dense), humanBytes(bytes.dense)],
        ["with zeros left out", "", humanBytes(bytes.packed)],
        ...beforeAndAfter(quality).map(({ data, figure, before, after }) => [html`${name(data)} ${figure}`, before, after]),
      ],
    }),
    ...(quality.length === 0 ? [UNMEASURED] : [measuredOn(quality)]),
    html`<p class="note">Fewer bytes and faster steps want a format that leaves zeros out and kernels that skip them.</p>
`,
  ]);
}

const UNMEASURED: Html = html`<p class="note">Quality was not measured: <code>--eval FILE</code> of <code>secateur prune</code> does so before and after, on data that the
model was not pruned with. <code>secateur compare</code> measures several ways to prune a model.</p>
`;

function measuredOn(quality: readonly Quality[]): Html {
  const sets = table({
    label: "what the model was measured on",
    head: ["data", "rows", "from", "how"],
    rows: quality.map((set) => [name(set.name), grouped(set.documents), name(set.sources.join(", ")), name(set.after.protocol)]),
    texts: [2, 3],
  });
  return html`<p class="note">± is a standard error; the model before and after was measured on the same rows.</p>
${details("What it was measured on", sets)}`;
}

function method({ recipe, backend, statistics, tensors }: Manifest): Section {
  const passes = { block: "pruned blocks", linear: "pruned layers", none: "the dense model" }[recipe.propagate];
  const ties = tensors.reduce((sum, layer) => sum + layer.ties, 0);
  return section("method", "Method", [
    facts([
      ["pruned", amountText(recipe)],
      ["scorer", withOptions(recipe.scorer, recipe.scorerOptions)],
      ...(recipe.solver === undefined ? [] : ([["solver", withOptions(recipe.solver, recipe.solverOptions)]] as const)),
      ["fusion", withOptions(recipe.fusion, recipe.fusionOptions)],
      ...(recipe.allocate === undefined ? [] : ([["shared out by", withOptions(recipe.allocate, recipe.allocateOptions)]] as const)),
      ["statistics are of", passes],
      ["ties", `${grouped(ties)}: weights that scored as the cut does, so that their place decided`],
      ["computed by", computedText(backend)],
      ...(statistics ? ([["statistics by", computedText(statistics.backend)]] as const) : []),
    ]),
  ]);
}

function data({ data }: Manifest): Section | undefined {
  if (data.length === 0) return undefined;
  return section("data", "Calibration data", [
    table({
      label: "calibration data",
      head: ["role", "weight", "sequences", "tokens", "rows", "empty", "repeated", "cut", "from"],
      rows: data.map((role) => [
        name(role.role),
        percent(role.weight),
        grouped(role.sequences),
        grouped(role.tokens),
        grouped(role.rows),
        grouped(role.empty),
        grouped(role.duplicates),
        grouped(role.truncated),
        name(role.sources.join(", ")),
      ]),
      texts: [8],
    }),
  ]);
}

function hashes({ model, data, quality = [] }: Manifest): Section {
  const hash = (text: string): Html => html`<span class="hash">${text}</span>`;
  return section("hashes", "Hashes", [
    facts([
      ["model", hash(model.hash)],
      ...data.map(({ role, hash: of }) => [`data of ${role}`, hash(of)] as const),
      ...quality.map((set) => [`measured on ${set.name}`, hash(set.hash)] as const),
    ]),
  ]);
}
