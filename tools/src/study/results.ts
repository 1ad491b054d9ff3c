import type { FrontierDistance } from "@secateur/evaluate";
import type { ComparedRow } from "@secateur/pipeline";
import type { Study } from "./plan.ts";

/** One model of a study: a line of its file. */
export interface StudyLine {
  readonly study: string;
  readonly task: string;
  readonly method: string;
  readonly amount: string;
  readonly variant: string;
  readonly kind: ComparedRow["kind"];
  readonly sparsity: number;
  /** Mean −log p, with its standard error over documents. */
  readonly general: Loss;
  readonly loss: Loss;
  readonly accuracy?: Loss;
  readonly frontier?: FrontierDistance;
}

interface Loss {
  readonly value: number;
  readonly standardError: number;
}

/** The lines of one comparison's document. */
export function linesOf({ name: study, task, method, amount }: Study, document: string): StudyLine[] {
  const { rows } = JSON.parse(document) as { rows: readonly ComparedRow[] };
  return rows.map(({ name, kind, sparsity, metrics, frontier }) => {
    const [general, own] = [metrics.general, metrics[task]];
    if (!general || !own) throw new Error(`${study}: ${name} was not measured on general text and ${task}`);
    const distance = frontier?.[task];
    return {
      study,
      task,
      method,
      amount,
      variant: name,
      kind,
      sparsity,
      general: lossOf(general),
      loss: lossOf(own),
      ...(own.metric === "choices" && { accuracy: own.acc }),
      ...(own.metric === "answers" && own.exactMatch && { accuracy: own.exactMatch }),
      ...(distance && { frontier: distance }),
    };
  });
}

function lossOf({ nll, standardError }: { readonly nll: number; readonly standardError: number }): Loss {
  return { value: nll, standardError };
}

/**
 * Each rule of each method and amount over the tasks, on the rows that were read, as a table in Markdown: how often it lies beyond the mixtures and how often behind them by two standard
 * errors, and the mean of its distances along the tasks' losses, each with the weight 1/(standard error)², which gives the mean the least error.
 */
export function summaryOf(lines: readonly StudyLine[]): string {
  const rules = lines.filter((line) => line.frontier !== undefined);
  const rows = [...new Set(rules.map(keyOf))].map((key) => {
    const group = rules.filter((line) => keyOf(line) === key);
    const distances = group.map(({ frontier }) => frontier as FrontierDistance); // filtered above
    const along = distances.filter(({ along }) => along === "task");
    const precision = along.reduce((sum, { standardError }) => sum + standardError ** -2, 0);
    const mean = along.reduce((sum, { value, standardError }) => sum + value * standardError ** -2, 0) / precision;
    const doubt = precision ** -0.5;
    const behind = distances.filter(({ value, standardError }) => value >= 2 * standardError).length;
    const beyond = distances.filter((one) => one.beyond).length;
    return `| ${key} | ${group.length} | ${beyond} | ${behind} | ${along.length === 0 ? "" : `${mean.toFixed(4)} ± ${doubt.toFixed(4)}`} |`;
  });
  return [
    "| method | amount | rows | rule | tasks | beyond | behind | mean distance |",
    "|---|---|---|---|---|---|---|---|",
    ...rows.sort(),
  ].join("\n");
}

function keyOf({ study, method, amount, variant }: StudyLine): string {
  return `${method} | ${amount} | ${study.split(" ").at(-1)} | ${variant}`;
}
