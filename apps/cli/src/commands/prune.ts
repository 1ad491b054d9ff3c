import type { PruneOutcome, PruneRequest } from "@secateur/engine";
import { SecateurError } from "@secateur/kit";
import type { RecipeInput } from "@secateur/pipeline";
import type { Command } from "commander";
import { backendsHere } from "../backends.ts";
import * as flags from "../flags.ts";
import { planText } from "../render/plan.ts";
import { createProgress } from "../render/progress.ts";
import { followPrune } from "../render/prune-events.ts";
import { prunedText } from "../render/pruned.ts";
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

/** The flags of `prune` as they are parsed; what was not given is absent. */
export interface PruneFlags extends AmountFlags, DataFlags, MeasureFlags, MethodFlags, EngineFlags {
  readonly out?: string;
  readonly stats?: string;
  readonly fusion?: string;
  readonly propagate?: "block" | "linear" | "none";
  readonly memory?: number;
  readonly restart?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly force?: boolean;
}

const EXAMPLES: readonly Example[] = [
  [
    "half of the weights, by what general text and one task need",
    "secateur prune ./model --general c4.jsonl --task math=gsm8k.jsonl --sparsity 0.5 --out ./pruned",
  ],
  [
    "2 of every 4 weights stay, for hardware that is fast on this pattern",
    "secateur prune ./model --general c4.jsonl --pattern 2:4 --out ./pruned",
  ],
  ["by the weights alone: no data, seconds", "secateur prune ./model --scorer magnitude --sparsity 0.3 --out ./pruned"],
  [
    "rows in other columns: MBPP's text and code",
    "secateur prune ./model --general c4.jsonl --task code=mbpp.jsonl --template '{text}|||{code}' --sparsity 0.5 --out ./pruned",
  ],
  [
    "by what the loss needs, and the weights that stay repaired: the best quality, for a way back through the blocks",
    "secateur prune ./model --general c4.jsonl --task math=gsm8k.jsonl --scorer fisher --solver sparsegpt --sparsity 0.5 --out ./pruned",
  ],
  [
    "and how good it was before and is after, on rows that it was not pruned with",
    "secateur prune ./model --general c4.jsonl --task math=gsm8k.jsonl --sparsity 0.5 --eval math=gsm8k-test.jsonl --out ./pruned",
  ],
  ["from statistics that `calibrate` has kept", "secateur prune ./model --stats stats.safetensors --sparsity 0.6 --out ./pruned"],
  ["what it would cost; nothing is written", "secateur prune ./model --general c4.jsonl --sparsity 0.5 --dry-run"],
];

/** `secateur prune`: from a model and data to a pruned model. */
export function pruneCommand(context: CommandContext): Command {
  const made = command("prune", "prune a model for a task", EXAMPLES)
    .description(
      "Prunes a model: finds the weights that general text and your tasks need least, sets them to zero, and writes the model to a new folder. An interrupted run goes on where it stopped.",
    )
    .argument("<model>", "folder of a Hugging Face model with safetensors weights")
    .optionsGroup("How much:");
  addDataFlags(addAmountFlags(made)).option(
    "--stats <file>",
    "statistics of `calibrate` in place of data: no data passes the model",
    flags.text("--stats"),
  );
  addMeasureFlags(made, "nothing is measured");
  addMethodFlags(made.optionsGroup("Method (`secateur plugins` lists names and options):"), addFusionFlag).option(
    "--propagate <mode>",
    "data passes pruned blocks (block), pruned layers (linear) or dense ones (none) before it is looked at (default: block, or none for scores of the dense model)",
    flags.oneOf("--propagate", ["block", "linear", "none"]),
  );
  addMemoryFlag(addEngineFlags(made.optionsGroup("Engine:")));
  return made
    .optionsGroup("Output:")
    .option("--out <dir>", "folder for the pruned model", flags.text("--out"))
    .option("--force", "replace --out when it is there")
    .option("--restart", "discard an interrupted run instead of going on with it")
    .option("--dry-run", "check everything and print the plan, write nothing")
    .option("--json", "print one JSON document instead of text")
    .action(async (model: string, given: PruneFlags) =>
      runPruneCommand(pruneRequest(model, given, context.version), given.json === true, context),
    );
}

/** Adds the flag of the fusion's name. */
function addFusionFlag(command: Command): Command {
  return command.option(
    "--fusion <name>",
    "how the roles' scores become one (default: with tasks what suits the scorer, as a rule mixture, else general)",
    flags.text("--fusion"),
  );
}

/** What the flags ask for. Throws SecateurError `usage` for flags that do not go together. */
export function pruneRequest(model: string, given: PruneFlags, version: string): PruneRequest {
  const dryRun = given.dryRun === true;
  if (given.out === undefined && !dryRun) {
    throw new SecateurError("usage", "--out is missing: name a folder for the pruned model, or give --dry-run to see the plan only");
  }
  refuseReading(given);
  refuseMeasuring(given);
  const { fusion, backend, propagate } = given;
  const recipe: RecipeInput = {
    model,
    ...dataOf(given),
    stats: given.stats,
    ...methodOf(given),
    fusion,
    backend,
    backendOptions: backendOptions(given),
    ...amountOf(given),
    propagate,
  };
  const { out, force = false, restart = false, memory } = given;
  return { recipe, ...(given.eval && { measure: measureOf(given) }), out, force, restart, dryRun, version, memoryBytes: memory };
}

// How data is read; kept statistics have been read already.
const READING = {
  samples: "--samples",
  seqLen: "--seq-len",
  field: "--field",
  template: "--template",
  taskTemplate: "--task-template",
  pack: "--pack",
  promptWeight: "--prompt-weight",
  shuffle: "--shuffle",
  seed: "--seed",
} as const;

// These say how data to measure with is read, too.
const OF_ANY_DATA: readonly string[] = [READING.field, READING.template, READING.taskTemplate];

function refuseReading(given: PruneFlags): void {
  if (given.stats === undefined) return;
  for (const [key, flag] of Object.entries(READING)) {
    if (given[key as keyof typeof READING] === undefined) continue;
    if (given.eval !== undefined && OF_ANY_DATA.includes(flag)) continue;
    throw new SecateurError(
      "usage",
      `${flag} says how data is read, and the statistics ${given.stats} have been collected already: leave it out`,
    );
  }
}

const MEASURING = { evalSamples: "--eval-samples", evalSeqLen: "--eval-seq-len", maxTokens: "--max-tokens" } as const;

function refuseMeasuring(given: PruneFlags): void {
  if (given.eval !== undefined) return;
  for (const [key, flag] of Object.entries(MEASURING)) {
    if (given[key as keyof typeof MEASURING] === undefined) continue;
    throw new SecateurError("usage", `${flag} says how far a model is measured, and no data to measure it with is given: add --eval FILE`);
  }
}

async function runPruneCommand(request: PruneRequest, json: boolean, { terminal }: CommandContext): Promise<void> {
  const started = performance.now();
  const view = createProgress(terminal.err);
  const run = followPrune(view);
  let partial: string | undefined;
  let outcome: PruneOutcome;
  try {
    outcome = await runEngine("prune", request, {
      onEvent(event) {
        if (event.type === "partial") partial = event.folder;
        else run.follow(event);
      },
      onStopping: () => view.line("stopping; Ctrl-C again ends it at once"),
    });
  } catch (error) {
    throw withWayOn(error, partial);
  } finally {
    view.stop();
  }
  const { plan, backend, statistics, sparsity, quality } = outcome;
  if (sparsity === undefined || request.out === undefined) {
    const backends = await backendsHere();
    if (json) printJson(terminal.out, { plan, backend, backends });
    else terminal.out.write(planText(plan, backend, backends));
    return;
  }
  const seconds = (performance.now() - started) / 1000;
  const pruned = { out: request.out, plan, backend, statistics, sparsity, quality, seconds, tokensPerSecond: run.tokensPerSecond() };
  if (json) printJson(terminal.out, pruned);
  else terminal.out.write(prunedText(pruned, terminal.colors));
}
