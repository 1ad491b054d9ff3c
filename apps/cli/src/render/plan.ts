import type { BackendDescription } from "@secateur/kit";
import type { EvaluationFacts, PlanSummary } from "@secateur/pipeline";
import { computedText, counted, grouped, humanBytes, humanCount, humanFlops, percent } from "@secateur/report/text";
import type { BackendState } from "../backends.ts";
import { backendsText } from "./backends.ts";
import { table } from "./table.ts";

/** A plan as one line, for the start of a run. */
export function planLine({ model, blocks, parameters, pruned, layers, roles }: PlanSummary): string {
  const data = roles.map(({ role, sequences, tokens }) => `${role} ${counted(sequences, "sequence")} (${counted(tokens, "token")})`);
  const what = `pruning ${percent(pruned)} of ${counted(layers, "layer")} in ${counted(blocks, "block")} of ${model} (${humanCount(parameters)} parameters)`;
  return `${what}; ${data.length === 0 ? "no data is read" : data.join(", ")}`;
}

/** A plan as a person reads it before anything runs, with everything that could compute it here. */
export function planText(plan: PlanSummary, backend: BackendDescription, backends: readonly BackendState[]): string {
  const facts = table([
    ["model", `${plan.model} (${plan.modelType}, ${humanCount(plan.parameters)} parameters, ${counted(plan.blocks, "block")})`],
    ["to prune", `${percent(plan.pruned)} of ${humanCount(plan.prunable)} weights in ${counted(plan.layers, "layer")}`],
    ...(plan.allocation ? [["layers' shares", allocationText(plan.allocation)]] : []),
    ...(plan.dense ? [["first", denseText(plan.dense)]] : []),
    ["tokens through blocks", plan.work === 0 ? "none: no data is read" : grouped(plan.work)],
    ...costRows(plan),
    ["computed by", computedText(backend)],
  ]);
  const roles = plan.roles.map(({ role, weight, sequences, tokens, sources }) => [
    role,
    weight.toFixed(2),
    grouped(sequences),
    grouped(tokens),
    sources.join(", "),
  ]);
  const data =
    roles.length === 0
      ? ""
      : `\n${table([["role", "weight", "sequences", "tokens", "from"], ...roles], ["left", "right", "right", "right"])}`;
  const measured = plan.evaluation ? `\n${measuredOnText(plan.evaluation)}` : "";
  const warnings = plan.warnings.map((warning) => `warning: ${warning}\n`).join("");
  return `${facts}${data}${measured}${warnings && `\n${warnings}`}\n${backendsText(backends)}\nNothing was written: this was a dry run.\n`;
}

/** What models are measured on, as a table. */
export function measuredOnText(evaluation: readonly EvaluationFacts[]): string {
  const rows = evaluation.map(({ name, documents, sources, heldOut }) => [
    name,
    grouped(documents),
    `${sources.join(", ")}${heldOut ? " (held out)" : ""}`,
  ]);
  return table([["measured on", "rows", "from"], ...rows], ["left", "right"]);
}

/** What a run will cost, as rows of a table. */
export function costRows(plan: Pick<PlanSummary, "flops" | "memoryBytes" | "diskBytes" | "scratchBytes" | "dense">): string[][] {
  return [
    ["computation", humanFlops(plan.flops)],
    ["memory at most", `about ${humanBytes(plan.memoryBytes)}`],
    ["disk for the output", humanBytes(plan.diskBytes)],
    ...(plan.scratchBytes > 0
      ? [["disk while it runs", `${humanBytes(plan.scratchBytes)} more, for hidden states${plan.dense ? " and statistics" : ""}`]]
      : []),
  ];
}

/** What is collected before anything is pruned. */
function denseText({ gradients, diskBytes }: NonNullable<PlanSummary["dense"]>): string {
  const what = gradients ? "the dense model's statistics, with the loss's gradients" : "the dense model's statistics";
  return `${what} (${humanBytes(diskBytes)} on disk while it runs)`;
}

/** Who chooses the layers' shares, and what it costs first. */
function allocationText({ by, work }: NonNullable<PlanSummary["allocation"]>): string {
  return work === 0 ? `by ${by}` : `by ${by}, after a pass of ${grouped(work)} tokens through the dense model`;
}
