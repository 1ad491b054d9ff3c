import type { Estimate, Evaluation, FrontierDistance } from "@secateur/evaluate";
import type { ComparedRow } from "@secateur/pipeline";
import { percent } from "./units.ts";

/** A figure of a measurement for tables: its short name, its value, and its standard error in the value's unit. */
export type Figure = readonly [name: string, value: string, standardError: string];

/** The figures of a measurement. */
export function figuresOf(evaluation: Evaluation): readonly Figure[] {
  const share = (name: string, { value, standardError }: Estimate): Figure => [name, percent(value), (100 * standardError).toFixed(1)];
  switch (evaluation.metric) {
    case "perplexity":
      return [perplexityFigure(evaluation)];
    case "answers":
      return [perplexityFigure(evaluation), share("exact", evaluation.exactMatch)];
    case "choices":
      return [share("acc", evaluation.acc), share("acc_norm", evaluation.accNorm)];
  }
}

/** exp of a loss: what it misses by is the loss's error times itself. */
function perplexityFigure({ perplexity, standardError }: { readonly perplexity: number; readonly standardError: number }): Figure {
  return ["ppl", significant(perplexity), rounded(perplexity * standardError)];
}

/** A number to its five leading digits. */
export function significant(value: number): string {
  return Number(value.toPrecision(5)).toString();
}

/** A standard error to its two leading digits. */
export function rounded(standardError: number): string {
  return String(Number(standardError.toPrecision(2)));
}

/** How far a model lies from the mixtures, and along what where that is not the task's loss: `−0.12 ± 0.03 (general)`. */
export function distanceText({ value, standardError, along }: FrontierDistance): string {
  const sign = value > 0 ? "+" : value < 0 ? "−" : "";
  const decimals = (rounded(standardError).split(".")[1] ?? "").length;
  return `${sign}${Math.abs(value).toFixed(Math.max(2, decimals))} ± ${rounded(standardError)}${along === "general" ? " (general)" : ""}`;
}

/** How to read a distance from the mixtures. */
export const PAST_MIXTURES: string =
  "Past mixtures: the task's loss beside what the curve of general text, mixtures and task alone has at equal loss on general text, below 0 being better; beyond it by two paired standard errors or more is marked *.";

/** What a comparison comes to: the rules that lie beyond the mixtures on some of the data with these names. */
export function conclusionText(rows: readonly Pick<ComparedRow, "name" | "frontier">[], names: readonly string[]): string {
  const won = names.flatMap((name) => rows.filter(({ frontier }) => frontier?.[name]?.beyond).map((rule) => `${rule.name} on ${name}`));
  return won.length > 0 ? `Beyond the mixtures: ${won.join(", ")}.` : "No rule lies beyond the mixtures by two standard errors.";
}
