import type { BackendDescription } from "@secateur/kit";
import type { ComparedRow, ComparePlan } from "@secateur/pipeline";
import {
  computedText,
  conclusionText,
  counted,
  distanceText,
  figuresOf,
  grouped,
  humanBytes,
  humanCount,
  PAST_MIXTURES,
  percent,
} from "@secateur/report/text";
import type { Colors } from "../terminal.ts";
import { measuredOnText } from "./plan.ts";
import { table } from "./table.ts";

type Plan = ComparePlan["summary"];

/** A comparison's plan as a person reads it before anything runs. */
export function comparisonText(plan: Plan, backend: BackendDescription): string {
  const facts = table([
    ["model", `${plan.model} (${plan.modelType}, ${humanCount(plan.parameters)} parameters, ${counted(plan.blocks, "block")})`],
    ["to compare", `dense, ${plan.variants.join(", ")}`],
    ["tokens through blocks", `${grouped(plan.work)}, and what is measured once a model`],
    ["disk while it runs", humanBytes(plan.diskBytes)],
    ["computed by", computedText(backend)],
  ]);
  const roles = plan.roles.map(({ role, sequences, tokens, sources }) => [role, grouped(sequences), grouped(tokens), sources.join(", ")]);
  const calibrated = table([["role", "sequences", "tokens", "from"], ...roles], ["left", "right", "right"]);
  return `${facts}\n${calibrated}\n${measuredOnText(plan.evaluation)}${warningsOf(plan)}\nNothing was measured: this was a dry run.\n`;
}

/** What a finished comparison has to tell. */
export interface Compared {
  readonly plan: Plan;
  readonly rows: readonly ComparedRow[];
  readonly backend: BackendDescription;
  readonly out: string | undefined;
}

/** The end of a comparison for a person: a table of all models, and how to read it. */
export function comparedText({ plan, rows, backend, out }: Compared, { bold, dim }: Colors): string {
  const names = plan.evaluation.map(({ name }) => name);
  const rules = rows.filter(({ frontier }) => frontier);
  const columns = names.flatMap((name) => [
    ...(rows[0]?.metrics[name] ? figuresOf(rows[0].metrics[name]) : []).map(([figure], i) => ({
      head: `${name} ${figure}`,
      of: ({ metrics }: ComparedRow) => (metrics[name] ? (figuresOf(metrics[name])[i]?.[2] ?? "") : ""),
    })),
    ...(rules.some(({ frontier }) => frontier?.[name])
      ? [{ head: `${name} past mixtures`, of: ({ frontier }: ComparedRow) => shownDistance(frontier?.[name]) }]
      : []),
  ]);
  const head = ["pruned by", "zero", ...columns.map((column) => column.head)];
  const body = rows.map((row) => [row.name, percent(row.sparsity), ...columns.map((column) => column.of(row))]);
  const text = table([head, ...body], ["left", ...head.slice(1).map(() => "right" as const)]);
  const end = text.indexOf("\n");
  const protocols = names.map((name) => `${name}: ${rows[0]?.metrics[name]?.protocol ?? ""}`).join("\n");
  const notes = `± is a standard error. ${PAST_MIXTURES}\n${protocols}\ncomputed by ${computedText(backend)}`;
  return `${bold(text.slice(0, end))}${text.slice(end)}\n${conclusionText(rows, names)}\n\n${measuredOnText(plan.evaluation)}\n${dim(notes)}\n${out === undefined ? "" : `\nwritten to ${out}\n`}`;
}

function shownDistance(distance: NonNullable<ComparedRow["frontier"]>[string] | undefined): string {
  return distance ? `${distanceText(distance)}${distance.beyond ? " *" : "  "}` : "";
}

function warningsOf({ warnings }: Plan): string {
  return warnings.length > 0 ? `\n${warnings.map((warning) => `warning: ${warning}\n`).join("")}` : "";
}
