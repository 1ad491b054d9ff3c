import { join } from "node:path";
import type { BackendDescription } from "@secateur/kit";
import type { PlanSummary, Quality } from "@secateur/pipeline";
import { beforeAndAfter, computedText, counted, grouped, humanBytes, humanDuration, percent, shellQuoted } from "@secateur/report/text";
import { invocation } from "../invocation.ts";
import type { Colors } from "../terminal.ts";
import { table } from "./table.ts";

/** What a finished run has to tell. */
export interface Pruned {
  readonly out: string;
  readonly plan: PlanSummary;
  readonly backend: BackendDescription;
  /** Absent where data was read. */
  readonly statistics?: { readonly backend: BackendDescription } | undefined;
  readonly sparsity: { readonly zeros: number; readonly of: number; readonly ratio: number };
  /** Absent where nothing was measured. */
  readonly quality?: readonly Quality[] | undefined;
  readonly seconds: number;
  readonly tokensPerSecond: number | undefined;
}

/** The end of a run for a person: what came of it, where it is, and what to do next. */
export function prunedText(pruned: Pruned, colors: Colors): string {
  const { out, plan, backend, statistics, sparsity, quality, seconds, tokensPerSecond } = pruned;
  const rate = tokensPerSecond === undefined ? "" : ` (${grouped(tokensPerSecond)} tokens/s through blocks)`;
  const facts = table([
    [
      "zeros",
      `${percent(sparsity.ratio)}: ${grouped(sparsity.zeros)} of ${grouped(sparsity.of)} weights in ${counted(plan.layers, "layer")}`,
    ],
    ["time", `${humanDuration(seconds)}${rate}`],
    ["computed by", computedText(backend)],
    ...(statistics ? [["statistics by", computedText(statistics.backend)]] : []),
    ["size", `${humanBytes(plan.diskBytes)}, as before: the zeros are stored like any other number`],
    ["written to", out],
    ["report", join(out, "report.html")],
  ]);
  if (quality) return `${facts}\n${qualityText(quality, colors)}`;
  const source = plan.roles.at(-1)?.sources[0] ?? "FILE";
  return `${facts}\nNext, see how good it is, best on data that it was not pruned with:\n  ${colors.cyan(`${invocation()} eval ${shellQuoted(out)} --data ${shellQuoted(source)}`)}\n`;
}

/** How good the model was and is, and how that was measured. */
function qualityText(quality: readonly Quality[], { dim }: Colors): string {
  const rows = beforeAndAfter(quality).map(({ data, figure, before, after }) => [`${data} ${figure}`, before, after]);
  const protocols = quality.map(({ name, after }) => `${name}: ${after.protocol}`).join("\n");
  return `${table([["measured", "before", "after"], ...rows], ["left", "right", "right"])}\n${dim(`± is a standard error.\n${protocols}`)}\n`;
}
