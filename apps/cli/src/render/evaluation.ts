import type { Estimate, Evaluation } from "@secateur/evaluate";
import type { BackendDescription } from "@secateur/kit";
import { computedText, counted, percent, rounded, significant } from "@secateur/report/text";
import type { Colors } from "../terminal.ts";
import { table } from "./table.ts";

/** A measurement for a person: its values, and the line that says how they were taken. */
export function evaluationText(evaluation: Evaluation, backend: BackendDescription, colors: Colors): string {
  return `${table(valuesOf(evaluation))}${colors.dim(`${evaluation.protocol}; computed by ${computedText(backend)}`)}\n`;
}

function valuesOf(evaluation: Evaluation): string[][] {
  switch (evaluation.metric) {
    case "perplexity":
      return [
        ["perplexity", significant(evaluation.perplexity), `NLL ${loss(evaluation)} over ${counted(evaluation.predictedTokens, "token")}`],
      ];
    case "answers":
      return [
        ["exact match", estimate(evaluation.exactMatch), `of ${counted(evaluation.documents, "row")}`],
        [
          "answer perplexity",
          significant(evaluation.perplexity),
          `NLL ${loss(evaluation)} over ${counted(evaluation.answerTokens, "token")}`,
        ],
      ];
    case "choices":
      return [
        ["acc", estimate(evaluation.acc), `of ${counted(evaluation.documents, "row")}`],
        ["acc_norm", estimate(evaluation.accNorm)],
      ];
  }
}

function loss({ nll, standardError }: { readonly nll: number; readonly standardError: number }): string {
  return `${significant(nll)} ± ${rounded(standardError)}`;
}

function estimate({ value, standardError }: Estimate): string {
  return `${percent(value)} ± ${(100 * standardError).toFixed(1)}`;
}
