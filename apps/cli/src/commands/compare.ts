import type { CompareOutcome, CompareRequest } from "@secateur/engine";
import type { Command } from "commander";
import * as flags from "../flags.ts";
import { comparedText, comparisonText } from "../render/compare.ts";
import { followCompare } from "../render/compare-events.ts";
import { createProgress } from "../render/progress.ts";
import { runEngine } from "../run-engine.ts";
import { printJson } from "../terminal.ts";
import { withWayOn } from "../way-on.ts";
import { type CommandContext, command, type Example } from "./command.ts";
import { type AmountFlags, addAmountFlags, addMethodFlags, amountOf, type MethodFlags, methodOf } from "./method-flags.ts";
import {
  addDataFlags,
  addEngineFlags,
  addMeasureFlags,
  addMemoryFlag,
  backendOptions,
  type DataFlags,
  dataOf,
  type EngineFlags,
  type MeasureFlags,
  measureOf,
} from "./shared-flags.ts";

/** The flags of `compare` as they are parsed; what was not given is absent. */
interface CompareFlags extends AmountFlags, DataFlags, MeasureFlags, MethodFlags, EngineFlags {
  readonly fusion?: readonly flags.RuleFlag[];
  readonly mixture?: readonly number[];
  readonly memory?: number;
  readonly out?: string;
  readonly force?: boolean;
  readonly restart?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const EXAMPLES: readonly Example[] = [
  [
    "what fusion gains on your task, measured on rows that are held out",
    "secateur compare ./model --general c4.jsonl --task math=gsm8k.jsonl --sparsity 0.5",
  ],
  [
    "the same, measured on other rows, with the results in a file",
    "secateur compare ./model --general c4.jsonl --task math=gsm8k.jsonl --sparsity 0.5 \\\n    --eval general=wikitext.txt --eval math=gsm8k-test.jsonl --out compare.json",
  ],
  ["the results as a page", "secateur compare ./model --general c4.jsonl --task math=gsm8k.jsonl --sparsity 0.5 --out compare.html"],
  [
    "by what the loss needs, with the rules of your choice",
    "secateur compare ./model --general c4.jsonl --task math=gsm8k.jsonl --sparsity 0.5 --scorer fisher --fusion sum:weight=0.25,max",
  ],
];

/** `secateur compare`: what fusing general text and a task gains over either alone and over their mixture. */
export function compareCommand(context: CommandContext): Command {
  const made = command("compare", "measure what fusion gains on a task", EXAMPLES)
    .description(
      "Prunes a model by general text alone, by each task alone, by mixtures of them and by fusion rules, each from as many tokens, and measures all of them on rows that none was calibrated with. No model is written. An interrupted comparison goes on where it stopped.",
    )
    .argument("<model>", "folder of a Hugging Face model with safetensors weights")
    .optionsGroup("How much:");
  addMeasureFlags(addDataFlags(addAmountFlags(made)), "of each role one row in five is held out");
  addMethodFlags(made.optionsGroup("Method (`secateur plugins` lists names and options):"), (command) =>
    command
      .option(
        "--fusion <names>",
        "rules, with commas and options, such as max,sum:weight=0.25:tau=0.2 (default: shared-exclusive,max)",
        flags.listed(flags.rule),
      )
      .option(
        "--mixture <weights>",
        "the tasks' weights in mixtures, with commas (default: 0.25,0.5,0.75)",
        flags.listed(flags.share("--mixture")),
      ),
  );
  addMemoryFlag(addEngineFlags(made.optionsGroup("Engine:")));
  return made
    .optionsGroup("Output:")
    .option("--out <file>", "all results: as JSON (.json), or as a page (.html)", flags.fileOf("--out", [".json", ".html"]))
    .option("--force", "replace --out when it is there")
    .option("--restart", "discard an interrupted comparison instead of going on with it")
    .option("--dry-run", "check everything and print the plan, measure nothing")
    .option("--json", "print one JSON document instead of a table")
    .action(async (model: string, given: CompareFlags) =>
      runCompareCommand(compareRequest(model, given, context.version), given.json === true, context),
    );
}

/** What the flags ask for. Throws SecateurError `usage` for flags that do not go together. */
function compareRequest(model: string, given: CompareFlags, version: string): CompareRequest {
  const { fusionOptions, ...method } = methodOf(given);
  return {
    input: {
      recipe: { model, ...dataOf(given), ...method, ...amountOf(given), backend: given.backend, backendOptions: backendOptions(given) },
      mixtures: given.mixture ?? [0.25, 0.5, 0.75],
      rules: (given.fusion ?? ["shared-exclusive", "max"].map(flags.rule)).map((rule) => ({
        ...rule,
        fusionOptions: { ...fusionOptions, ...rule.fusionOptions },
      })),
      ...measureOf(given),
    },
    out: given.out,
    force: given.force === true,
    restart: given.restart === true,
    dryRun: given.dryRun === true,
    version,
    memoryBytes: given.memory,
  };
}

async function runCompareCommand(request: CompareRequest, json: boolean, { terminal }: CommandContext): Promise<void> {
  const view = createProgress(terminal.err);
  const follow = followCompare(view);
  let partial: string | undefined;
  let outcome: CompareOutcome;
  try {
    outcome = await runEngine("compare", request, {
      onEvent(event) {
        if (event.type === "partial") partial = event.folder;
        else follow(event);
      },
      onStopping: () => view.line("stopping; Ctrl-C again ends it at once"),
    });
  } catch (error) {
    throw withWayOn(error, partial);
  } finally {
    view.stop();
  }
  if (json) printJson(terminal.out, outcome);
  else if (outcome.rows) terminal.out.write(comparedText({ ...outcome, rows: outcome.rows, out: request.out }, terminal.colors));
  else terminal.out.write(comparisonText(outcome.plan, outcome.backend));
}
