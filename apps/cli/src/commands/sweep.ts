import type { SweepRequest } from "@secateur/engine";
import { SecateurError } from "@secateur/kit";
import { counted } from "@secateur/report/text";
import type { Command } from "commander";
import * as flags from "../flags.ts";
import { createProgress } from "../render/progress.ts";
import { settingLabel, sweepText } from "../render/sweep.ts";
import { runEngine } from "../run-engine.ts";
import { printJson } from "../terminal.ts";
import { type CommandContext, command, type Example } from "./command.ts";
import {
  addEngineFlags,
  addMaxTokensFlag,
  addReadingFlags,
  addSolverFlag,
  addTensorFlags,
  addWeightFlag,
  backendOptions,
  type EngineFlags,
  namedSources,
  type ReadingFlags,
  readingOf,
  type TargetFlags,
} from "./shared-flags.ts";

/** The flags of `sweep` as they are parsed; what was not given is absent. */
interface SweepFlags extends TargetFlags, ReadingFlags, EngineFlags {
  readonly stats: string;
  readonly sparsity?: readonly number[];
  readonly pattern?: readonly { readonly keep: number; readonly of: number }[];
  readonly scorer?: readonly string[];
  readonly fusion?: readonly string[];
  readonly solver?: string;
  readonly data?: readonly flags.NamedSource[];
  readonly seqLen?: number;
  readonly samples?: number;
  readonly maxTokens?: number;
  readonly out: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

const EXAMPLES: readonly Example[] = [
  [
    "how much can be pruned, and which fusion is best at it",
    "secateur sweep ./model --stats stats.safetensors --sparsity 0.3,0.4,0.5 --fusion mixture,shared-exclusive \\\n    --data wikitext.txt --data gsm8k-dev.jsonl --out sweep.jsonl",
  ],
];

/** `secateur sweep`: many settings from one statistics file. */
export function sweepCommand(context: CommandContext): Command {
  const made = command("sweep", "try many settings from one statistics file", EXAMPLES)
    .description(
      "Prunes a model by every combination of the settings, from statistics that `calibrate` has kept, measures each result, and writes one JSON line a setting. An interrupted sweep goes on after its last line.",
    )
    .argument("<model>", "folder of a Hugging Face model with safetensors weights")
    .requiredOption("--stats <file>", "statistics of `calibrate`", flags.text("--stats"))
    .optionsGroup("Settings, each a list with commas:")
    .option("--sparsity <shares>", "shares of the weights to prune, such as 0.3,0.5", flags.listed(flags.sparsity))
    .option("--pattern <patterns>", "patterns, such as 2:4,4:8", flags.listed(flags.pattern))
    .option("--scorer <names>", "scorers (default: wanda)", flags.listed(flags.text("--scorer")))
    .option("--fusion <names>", "fusions (default: what suits each scorer)", flags.listed(flags.text("--fusion")));
  const measured = addTensorFlags(addWeightFlag(addSolverFlag(made.optionsGroup("For all settings:"))))
    .optionsGroup("What each result is measured on:")
    .option(
      "--data <[name=]file>",
      "running text, answers or choices, as `eval` reads them (repeatable)",
      flags.repeated(flags.namedSource),
    )
    .option("--seq-len <n>", "tokens a window (default: 2048, or the model's positions)", flags.wholeNumber("--seq-len", 2))
    .option("--samples <n>", "windows or rows at most (default: all)", flags.wholeNumber("--samples", 1));
  addMaxTokensFlag(addReadingFlags(measured));
  addEngineFlags(made.optionsGroup("Engine:"));
  return made
    .optionsGroup("Output:")
    .requiredOption("--out <file>", "the results, one JSON line a setting", flags.text("--out"))
    .option("--force", "begin anew when --out is there")
    .option("--json", "print one JSON document instead of a table")
    .action(async (model: string, given: SweepFlags) =>
      runSweepCommand(sweepRequest(model, given, context.version), given.json === true, context),
    );
}

/** What the flags ask for. Throws SecateurError `usage` for data of one name. */
export function sweepRequest(model: string, given: SweepFlags, version: string): SweepRequest {
  const {
    stats,
    scorer = ["wanda"],
    fusion = [],
    solver,
    include,
    exclude,
    backend,
    seqLen,
    samples,
    maxTokens,
    out,
    force = false,
  } = given;
  const reading = readingOf({ ...given, eval: given.data ?? [] });
  const data = namedSources(given.data).map((one) => ({ ...one, ...reading(one.name) }));
  const names = data.map(({ name }) => name);
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined)
    throw new SecateurError("usage", `two --data are called ${repeated}: give one a name, such as --data other=FILE`);
  const weights = Object.fromEntries(given.weight ?? []);
  const recipe = { model, stats, weights, solver, include, exclude, backend, backendOptions: backendOptions(given) };
  const grid = { recipe, scorers: scorer, fusions: fusion, sparsities: given.sparsity ?? [], patterns: given.pattern ?? [] };
  const measure = {
    evaluate: data,
    ...(samples !== undefined && { evaluateSamples: samples }),
    evaluateSeqLen: seqLen,
    evaluateMaxTokens: maxTokens,
  };
  return { grid, measure, out, force, version };
}

async function runSweepCommand(request: SweepRequest, json: boolean, { terminal }: CommandContext): Promise<void> {
  const view = createProgress(terminal.err);
  try {
    let [done, total] = [0, 1];
    const { rows, backend } = await runEngine("sweep", request, {
      onEvent(event) {
        if (event.type === "row") {
          [done, total] = [event.done, event.total];
          view.line(`${event.done} of ${counted(event.total, "setting")} done: ${settingLabel(event.row)}`, "milestone");
        } else view.update({ label: event.label, done: 100 * ((done + event.share) / total), total: 100, unit: "%", perSecond: undefined });
      },
      onStopping: () => view.line("stopping; Ctrl-C again ends it at once"),
    });
    view.stop();
    if (json) printJson(terminal.out, { out: request.out, backend, rows });
    else terminal.out.write(sweepText(rows, { out: request.out, backend }, terminal.colors));
  } finally {
    view.stop();
  }
}
