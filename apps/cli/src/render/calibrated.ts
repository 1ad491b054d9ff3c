import type { StatisticsInspection } from "@secateur/engine";
import type { BackendDescription } from "@secateur/kit";
import type { CalibrationPlan } from "@secateur/pipeline";
import { computedText, counted, grouped, humanBytes, humanCount, humanDuration, shellQuoted } from "@secateur/report/text";
import type { BackendState } from "../backends.ts";
import { invocation } from "../invocation.ts";
import type { Colors } from "../terminal.ts";
import { backendsText } from "./backends.ts";
import { costRows } from "./plan.ts";
import { table } from "./table.ts";

type Plan = CalibrationPlan["summary"];

/** A calibration's plan as a person reads it before anything runs. */
export function calibrationText(plan: Plan, backend: BackendDescription, backends: readonly BackendState[]): string {
  const facts = table([
    ["model", `${plan.model} (${plan.modelType}, ${humanCount(plan.parameters)} parameters, ${counted(plan.blocks, "block")})`],
    ["to collect", `statistics of ${counted(plan.layers, "layer")} for ${counted(plan.roles.length, "role")}`],
    ["tokens through blocks", grouped(plan.work)],
    ...costRows(plan),
    ["computed by", computedText(backend)],
  ]);
  const warnings = plan.warnings.map((warning) => `warning: ${warning}\n`).join("");
  return `${facts}\n${rolesText(plan.roles)}${warnings && `\n${warnings}`}\n${backendsText(backends)}\nNothing was written: this was a dry run.\n`;
}

/** What a finished calibration has to tell. */
export interface Calibrated {
  readonly model: string;
  readonly out: string;
  readonly plan: Plan;
  readonly backend: BackendDescription;
  readonly seconds: number;
  readonly tokensPerSecond: number | undefined;
}

/** The end of a calibration for a person: what came of it, where it is, and what to do next. */
export function calibratedText({ model, out, plan, backend, seconds, tokensPerSecond }: Calibrated, colors: Colors): string {
  const rate = tokensPerSecond === undefined ? "" : ` (${grouped(tokensPerSecond)} tokens/s through blocks)`;
  const facts = table([
    ["collected", `statistics of ${counted(plan.layers, "layer")} for ${plan.roles.map(({ role }) => role).join(", ")}`],
    ["time", `${humanDuration(seconds)}${rate}`],
    ["computed by", computedText(backend)],
    ["size", humanBytes(plan.diskBytes)],
    ["written to", out],
  ]);
  const next = `${invocation()} prune ${shellQuoted(model)} --stats ${shellQuoted(out)} --sparsity 0.5 --out pruned`;
  return `${facts}\nNext, prune from it as often as you like:\n  ${colors.cyan(next)}\n`;
}

/** A statistics file for a person. */
export function statisticsText({ path, bytes, statistics }: StatisticsInspection): string {
  const facts = table([
    ["statistics", `${path} (${humanBytes(bytes)}, ${statistics.needs.join(" and ")})`],
    ["of the model", `${statistics.model.modelType}, ${statistics.model.hash}`],
    ["layers", grouped(Object.keys(statistics.layers).length)],
    ["collected with", `secateur ${statistics.secateur}, ${computedText(statistics.backend)}`],
  ]);
  const roles = statistics.roles.flatMap(({ role, shards }) =>
    shards.map(({ sources, sequences, tokens }) => ({ role, sources, sequences, tokens })),
  );
  return `${facts}\n${rolesText(roles)}`;
}

function rolesText(roles: Plan["roles"]): string {
  const rows = roles.map(({ role, sequences, tokens, sources }) => [role, grouped(sequences), grouped(tokens), sources.join(", ")]);
  return table([["role", "sequences", "tokens", "from"], ...rows], ["left", "right", "right"]);
}
