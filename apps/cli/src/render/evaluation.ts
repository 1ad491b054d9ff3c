import type { Estimate, Evaluation } from "@secateur/evaluate";
import type { BackendDescription } from "@secateur/kit";
import type { Colors } from "../terminal.ts";
import { computedText } from "./computed.ts";
import { table } from "./table.ts";
import { counted, percent, plusMinus } from "./units.ts";

/** A measurement for a person: its values, and the line that says how they were taken. */
export function evaluationText(evaluation: Evaluation, backend: BackendDescription, colors: Colors): string {
  return `${table(valuesOf(evaluation))}${colors.dim(`${evaluation.protocol}; computed by ${computedText(backend)}`)}\n`;
}

/** A figure of a measurement for tables: its short name, its value, and the same with its standard error. */
export type Figure = readonly [name: string, value: string, withError: string];

/** The figures of a measurement. */
export function figuresOf(evaluation: Evaluation): readonly Figure[] {
  const share = (name: string, { value, standardError }: Estimate): Figure => [name, percent(value), estimate({ value, standardError })];
  switch (evaluation.metric) {
    case "perplexity":
      return [perplexityFigure(evaluation)];
    case "answers":
      return [perplexityFigure(evaluation), share("exact", evaluation.exactMatch)];
    case "choices":
      return [share("acc", evaluation.acc), share("acc_norm", evaluation.accNorm)];
    case "distance":
      return [["KL", number(evaluation.divergence.value), difference(evaluation.divergence)], share("top-1", evaluation.agreement)];
  }
}

/** exp of a loss: what it misses by is the loss's error times itself. */
function perplexityFigure({ perplexity, standardError }: { readonly perplexity: number; readonly standardError: number }): Figure {
  return ["ppl", number(perplexity), plusMinus(perplexity, perplexity * standardError)];
}

function valuesOf(evaluation: Evaluation): string[][] {
  switch (evaluation.metric) {
    case "perplexity":
      return [
        ["perplexity", number(evaluation.perplexity), `NLL ${loss(evaluation)} over ${counted(evaluation.predictedTokens, "token")}`],
      ];
    case "answers":
      return [
        ["exact match", estimate(evaluation.exactMatch), `of ${counted(evaluation.documents, "row")}`],
        ["answer perplexity", number(evaluation.perplexity), `NLL ${loss(evaluation)} over ${counted(evaluation.answerTokens, "token")}`],
      ];
    case "choices":
      return [
        ["acc", estimate(evaluation.acc), `of ${counted(evaluation.documents, "row")}`],
        ["acc_norm", estimate(evaluation.accNorm)],
      ];
    case "distance":
      return [
        ["KL", difference(evaluation.divergence), `nats a token, over ${counted(evaluation.predictedTokens, "token")}`],
        ["top-1 agreement", estimate(evaluation.agreement)],
      ];
  }
}

function number(value: number): string {
  return Number(value.toPrecision(5)).toString();
}

function loss({ nll, standardError }: { readonly nll: number; readonly standardError: number }): string {
  return plusMinus(nll, standardError);
}

function difference({ value, standardError }: Estimate): string {
  return plusMinus(value, standardError);
}

function estimate({ value, standardError }: Estimate): string {
  return `${percent(value)} ± ${(100 * standardError).toFixed(1)}`;
}
