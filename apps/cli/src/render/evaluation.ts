import type { DistanceResult, Evaluation } from "@secateur/evaluate";
import type { BackendDescription } from "@secateur/kit";
import { computedText, counted, plusMinus, shareText, significant } from "@secateur/report/text";
import type { Colors } from "../terminal.ts";
import { table } from "./table.ts";

/** A measurement for a person: its values, and the line that says how they were taken. */
export function evaluationText(evaluation: Evaluation | DistanceResult, backend: BackendDescription, colors: Colors): string {
  return `${table(valuesOf(evaluation))}${colors.dim(`${evaluation.protocol}; computed by ${computedText(backend)}`)}\n`;
}

function valuesOf(evaluation: Evaluation | DistanceResult): string[][] {
  switch (evaluation.metric) {
    case "perplexity":
      return [
        ["perplexity", significant(evaluation.perplexity), `NLL ${loss(evaluation)} over ${counted(evaluation.predictedTokens, "token")}`],
      ];
    case "answers":
      return [
        ...(evaluation.exactMatch ? [["exact match", shareText(evaluation.exactMatch), `of ${counted(evaluation.documents, "row")}`]] : []),
        [
          "answer perplexity",
          significant(evaluation.perplexity),
          `NLL ${loss(evaluation)} over ${counted(evaluation.answerTokens, "token")}`,
        ],
      ];
    case "choices":
      return [
        ["acc", shareText(evaluation.acc), `of ${counted(evaluation.documents, "row")}`],
        ["acc_norm", shareText(evaluation.accNorm)],
      ];
    case "distance":
      return [
        [
          "KL",
          plusMinus(evaluation.divergence.value, evaluation.divergence.standardError),
          `nats a token, over ${counted(evaluation.predictedTokens, "token")}`,
        ],
        ["top-1 agreement", shareText(evaluation.agreement)],
      ];
  }
}

function loss({ nll, standardError }: { readonly nll: number; readonly standardError: number }): string {
  return plusMinus(nll, standardError);
}
