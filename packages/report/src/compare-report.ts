import { pooledLoss } from "@secateur/evaluate";
import { GENERAL } from "@secateur/kit";
import type { ComparedRow, Comparison } from "@secateur/pipeline";
import { tradeOff } from "./charts/trade-off.ts";
import { compareLine } from "./command-line.ts";
import { comparedLayers } from "./compared-layers.ts";
import { computedText } from "./computed.ts";
import { conclusionText, distanceText, figuresOf, PAST_MIXTURES } from "./figures.ts";
import { type Html, html, type Part } from "./html.ts";
import { name, page, type Section, section, sections } from "./page.ts";
import { amountText, footer, modelName, recipeSection, warningsOf, withOptions } from "./parts.ts";
import { details, facts, table } from "./table.ts";
import { counted, grouped, humanCount, percent, plusMinus } from "./units.ts";

/**
 * A page on a comparison: what each way to prune keeps of general text and of the tasks. One HTML file that runs no script and fetches nothing; every text of the
 * comparison is escaped. Equal comparisons give equal pages.
 */
export function compareReport(comparison: Comparison): string {
  const { model, input, plan, rows, backend, secateur } = comparison;
  const names = plan.evaluation.map((set) => set.name);
  const title = `${modelName(model.source)}: ways to prune it compared`;
  const parts = [
    results(rows, names),
    tradeOffs(rows, names),
    ...comparedLayers(rows),
    measuredOn(comparison),
    calibrated(comparison),
    method(comparison),
    recipeSection(compareLine(comparison), "--out OUT.html", input),
    hashes(comparison),
  ];
  const body = html`<header><p class="kicker">Secateur, report of a comparison</p>
<h1>${name(modelName(model.source))}: ${counted(rows.filter(({ kind }) => kind !== "dense").length, "way")} to prune it compared</h1>
<p>${amountText(input.recipe)} of ${humanCount(plan.prunable)} weights pruned by ${name(input.recipe.scorer)} each time, from as many calibration tokens, and measured on rows that none was calibrated with.</p></header>
<p class="conclusion">${name(conclusionText(rows, names))}</p>
${warningsOf(plan.warnings)}${sections(parts)}${footer(secateur, backend)}`;
  // What pruning did to each layer of each model would be the largest part by far; it is in tables, and in the comparison's own JSON.
  const data = { ...comparison, rows: rows.map(({ layers: _layers, ...row }) => row) };
  return page({ title, data, body });
}

function results(rows: readonly ComparedRow[], names: readonly string[]): Section {
  const placed = names.filter((data) => rows.some(({ frontier }) => own(frontier, data)));
  const columns = names.flatMap((data): { head: Part; of: (row: ComparedRow) => Part }[] => {
    const first = own(rows[0]?.metrics, data);
    return [
      ...(first ? figuresOf(first) : []).map(([figure], i) => ({
        head: html`${name(data)} ${figure}`,
        of: ({ metrics }: ComparedRow) => {
          const evaluation = own(metrics, data);
          return (evaluation && figuresOf(evaluation)[i]?.[2]) ?? "";
        },
      })),
      ...(placed.includes(data) ? [{ head: html`${name(data)} past mixtures`, of: (row: ComparedRow) => distance(row, data) }] : []),
    ];
  });
  return section("results", "Results", [
    rows.length === 0
      ? html`<p>Nothing was measured.</p>`
      : table({
          label: "results",
          head: ["pruned by", "zeros", ...columns.map(({ head }) => head)],
          rows: rows.map((row) => [name(row.name), percent(row.sparsity), ...columns.map(({ of }) => of(row))]),
        }),
    html`<p class="note">± is a standard error. ${PAST_MIXTURES}</p>
`,
  ]);
}

function distance({ frontier }: ComparedRow, data: string): Part {
  const found = own(frontier, data);
  if (!found) return "";
  return found.beyond ? html`<span class="beyond">${distanceText(found)} *</span>` : distanceText(found);
}

function tradeOffs(rows: readonly ComparedRow[], names: readonly string[]): Section | undefined {
  const tasks = names.filter((data) => data !== GENERAL && rows.some(({ metrics }) => own(metrics, data)?.losses.length));
  if (tasks.length === 0) return undefined;
  const of = (row: ComparedRow, data: string): string => {
    const losses = own(row.metrics, data)?.losses ?? [];
    if (losses.length === 0) return "";
    const { value, standardError } = pooledLoss(losses);
    return plusMinus(value, standardError);
  };
  const charts = tasks.map((task, i) => tradeOff({ id: `trade-off-${i}`, task, rows }));
  const losses = table({
    label: "losses",
    head: ["pruned by", ...[GENERAL, ...tasks].map((data) => html`${name(data)} loss`)],
    rows: rows.map((row) => [name(row.name), ...[GENERAL, ...tasks].map((data) => of(row, data))]),
  });
  return section("trade-off", "What a task costs general text", [...charts, details("The losses as a table", losses)]);
}

function measuredOn({ plan, rows }: Comparison): Section {
  return section("measured", "Measured on", [
    table({
      label: "what models were measured on",
      head: ["data", "rows", "from", "how"],
      rows: plan.evaluation.map((set) => [
        name(set.name),
        grouped(set.documents),
        html`${name(set.sources.join(", "))}${set.heldOut ? " (held out of the calibration data)" : ""}`,
        name(own(rows[0]?.metrics, set.name)?.protocol ?? ""),
      ]),
      texts: [2, 3],
    }),
  ]);
}

function calibrated({ plan, rows }: Comparison): Section {
  const variants = rows.filter(({ weights }) => weights);
  return section("calibrated", "Calibrated with", [
    table({
      label: "calibration data",
      head: ["role", "sequences", "tokens", "from"],
      rows: plan.roles.map((role) => [name(role.role), grouped(role.sequences), grouped(role.tokens), name(role.sources.join(", "))]),
      texts: [3],
    }),
    details(
      "What each model read of it",
      table({
        label: "what each model read",
        head: ["pruned by", "fusion", "tokens", ...plan.roles.map(({ role }) => html`${name(role)} weight`)],
        rows: variants.map((row) => [
          name(row.name),
          name(row.fusion ?? ""),
          grouped(row.tokens ?? 0),
          ...plan.roles.map(({ role }) => percent(own(row.weights, role) ?? 0)),
        ]),
        texts: [1],
      }),
    ),
  ]);
}

function method({ input: { recipe, rules }, plan, backend }: Comparison): Section {
  return section("method", "Method", [
    facts([
      [
        "model",
        html`${name(plan.model)} (${name(plan.modelType)}, ${humanCount(plan.parameters)} parameters, ${counted(plan.blocks, "block")})`,
      ],
      ["pruned", html`${amountText(recipe)}; ${counted(plan.layers, "layer")}`],
      ["scorer", withOptions(recipe.scorer, recipe.scorerOptions)],
      ...(recipe.solver === undefined ? [] : ([["solver", withOptions(recipe.solver, recipe.solverOptions)]] as const)),
      ...rules.map(
        ({ name: rule, fusion, fusionOptions = {}, tasksWeight }) =>
          [
            `rule ${rule}`,
            withOptions(fusion, { ...fusionOptions, ...(tasksWeight !== undefined && { "tasks' weight": tasksWeight }) }),
          ] as const,
      ),
      ...(recipe.allocate === undefined ? [] : ([["shared out by", withOptions(recipe.allocate, recipe.allocateOptions)]] as const)),
      ["computed by", computedText(backend)],
    ]),
  ]);
}

function hashes({ model, plan }: Comparison): Section {
  const hash = (text: string): Html => html`<span class="hash">${text}</span>`;
  return section("hashes", "Hashes", [
    facts([
      ["model", hash(model.hash)],
      ...plan.roles.map(({ role, hash: of }) => [`data of ${role}`, hash(of)] as const),
      ...plan.evaluation.map((set) => [`measured on ${set.name}`, hash(set.hash)] as const),
    ]),
  ]);
}

/** What a record has of its own under a name, whatever that is. */
function own<Value>(record: Readonly<Record<string, Value>> | undefined, key: string): Value | undefined {
  return record && Object.hasOwn(record, key) ? record[key] : undefined;
}
