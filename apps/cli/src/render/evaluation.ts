import type { Evaluation } from "@secateur/evaluate";
import type { BackendDescription } from "@secateur/kit";
import type { Colors } from "../terminal.ts";
import { computedText } from "./computed.ts";
import { table } from "./table.ts";
import { counted, percent } from "./units.ts";

/** A measurement for a person: its values, and the line that says how they were taken. */
export function evaluationText(evaluation: Evaluation, backend: BackendDescription, colors: Colors): string {
  return `${table(valuesOf(evaluation))}${colors.dim(`${evaluation.protocol}; computed by ${computedText(backend)}`)}\n`;
}

/** The figures of a measurement with their short names, for tables. */
export function figuresOf(evaluation: Evaluation): [figure: string, value: string][] {
  switch (evaluation.metric) {
    case "perplexity":
      return [["ppl", number(evaluation.perplexity)]];
    case "answers":
      return [
        ["ppl", number(evaluation.perplexity)],
        ["exact", percent(evaluation.exactMatch.value)],
      ];
    case "choices":
      return [
        ["acc", percent(evaluation.acc.value)],
        ["acc_norm", percent(evaluation.accNorm.value)],
      ];
  }
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
  }
}

function number(value: number): string {
  return Number(value.toPrecision(5)).toString();
}

function loss({ nll, standardError }: { readonly nll: number; readonly standardError: number }): string {
  return `${number(nll)} ± ${Number(standardError.toPrecision(2))}`;
}

function estimate({ value, standardError }: { readonly value: number; readonly standardError: number }): string {
  return `${percent(value)} ± ${(100 * standardError).toFixed(1)}`;
}
