import type { Estimate, FrontierDistance } from "@secateur/evaluate";
import type { ComparedRow, Quality } from "@secateur/pipeline";
import { percent, plusMinus } from "./units.ts";

/** A figure of a measurement for tables: its short name, its value, and the same with its standard error. */
export type Figure = readonly [name: string, value: string, withError: string];

/** The figures of a measurement. */
export function figuresOf(evaluation: Quality["before"]): readonly Figure[] {
  const share = (name: string, estimate: Estimate): Figure => [name, percent(estimate.value), shareText(estimate)];
  switch (evaluation.metric) {
    case "perplexity":
      return [perplexityFigure(evaluation)];
    case "answers":
      return [perplexityFigure(evaluation), ...(evaluation.exactMatch ? [share("exact", evaluation.exactMatch)] : [])];
    case "choices":
      return [share("acc", evaluation.acc), share("acc_norm", evaluation.accNorm)];
  }
}

/** Each figure of what a model was measured on, under the name of its data, with its values before and after pruning. */
export function beforeAndAfter(
  quality: readonly Quality[],
): readonly { readonly data: string; readonly figure: string; readonly before: string; readonly after: string }[] {
  return quality.flatMap(({ name: data, before, after }) => {
    const later = figuresOf(after);
    return figuresOf(before).map(([figure, , text], i) => ({ data, figure, before: text, after: later[i]?.[2] ?? "" }));
  });
}

/** exp of a loss: what it misses by is the loss's error times itself. */
function perplexityFigure({ perplexity, standardError }: { readonly perplexity: number; readonly standardError: number }): Figure {
  return ["ppl", significant(perplexity), plusMinus(perplexity, perplexity * standardError)];
}

/** A share with its standard error, in percent. */
export function shareText({ value, standardError }: Estimate): string {
  return `${percent(value)} ± ${(100 * standardError).toFixed(1)}`;
}

/** A number to its five leading digits. */
export function significant(value: number): string {
  return Number(value.toPrecision(5)).toString();
}

/** How far a model lies from the mixtures, and along what where that is not the task's loss: `−0.12 ± 0.03 (general)`. */
export function distanceText({ value, standardError, along }: FrontierDistance): string {
  const text = plusMinus(value, standardError).replace("-", "−");
  return `${value > 0 ? "+" : ""}${text}${along === "general" ? " (general)" : ""}`;
}

/** How to read a distance from the mixtures. */
export const PAST_MIXTURES: string =
  "Past mixtures: the task's loss beside what the curve of general text, mixtures and task alone has at equal loss on general text, below 0 being better; beyond it by two paired standard errors or more is marked *.";

/** What a comparison comes to: the rules that lie beyond the mixtures on some of the data with these names. */
export function conclusionText(rows: readonly Pick<ComparedRow, "name" | "frontier">[], names: readonly string[]): string {
  const won = names.flatMap((name) => rows.filter(({ frontier }) => frontier?.[name]?.beyond).map((rule) => `${rule.name} on ${name}`));
  return won.length > 0 ? `Beyond the mixtures: ${won.join(", ")}.` : "No rule lies beyond the mixtures by two standard errors.";
}
