import type { Evaluation } from "@secateur/evaluate";
import type { BackendDescription } from "@secateur/kit";
import type { SweepRow } from "@secateur/pipeline";
import { computedText, figuresOf, percent } from "@secateur/report/text";
import type { Colors } from "../terminal.ts";
import { table } from "./table.ts";

/** A row's setting in few words. */
export function settingLabel({ setting }: SweepRow): string {
  if (!setting) return "dense";
  const { fusion, sparsity, pattern } = setting;
  return `${scorerOf(setting)}, ${fusion}, ${pattern ? `${pattern.keep}:${pattern.of}` : sparsity}`;
}

/** Who chooses, and who repairs. */
function scorerOf({ scorer, solver }: NonNullable<SweepRow["setting"]>): string {
  return solver === undefined ? scorer : `${scorer} + ${solver}`;
}

/** The results of a sweep as a table, a line a setting. */
export function sweepText(
  rows: readonly SweepRow[],
  { out, backend }: { readonly out: string; readonly backend: BackendDescription },
  { bold, dim }: Colors,
): string {
  const names = [...new Set(rows.flatMap(({ metrics }) => Object.keys(metrics)))];
  const columns = names.flatMap((name) => {
    const sample = rows.map(({ metrics }) => metrics[name]).find((found) => found !== undefined) as Evaluation; // the name is one of theirs
    return figuresOf(sample).map(([figure], i) => ({ head: `${name} ${figure}`, of: (row: SweepRow) => shownValue(row.metrics[name], i) }));
  });
  const head = ["scorer", "fusion", "amount", "zero", ...columns.map((column) => column.head)];
  const body = rows.map((row) => [
    row.setting ? scorerOf(row.setting) : "dense",
    row.setting?.fusion ?? "",
    row.setting?.pattern ? `${row.setting.pattern.keep}:${row.setting.pattern.of}` : String(row.setting?.sparsity ?? ""),
    percent(row.sparsity),
    ...columns.map((column) => column.of(row)),
  ]);
  const text = table([head, ...body], ["left", "left", ...head.slice(2).map(() => "right" as const)]);
  const end = text.indexOf("\n");
  return `${bold(text.slice(0, end))}${text.slice(end)}${dim(`computed by ${computedText(backend)}`)}\n\nwritten to ${out}\n`;
}

function shownValue(evaluation: Evaluation | undefined, figure: number): string {
  return evaluation ? (figuresOf(evaluation)[figure]?.[1] ?? "") : "";
}
