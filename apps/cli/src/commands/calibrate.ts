import type { CalibrateRequest } from "@secateur/engine";
import { SecateurError } from "@secateur/kit";
import type { Command } from "commander";
import { backendsHere } from "../backends.ts";
import * as flags from "../flags.ts";
import { calibratedText, calibrationText } from "../render/calibrated.ts";
import { createProgress } from "../render/progress.ts";
import { followPrune } from "../render/prune-events.ts";
import { runEngine } from "../run-engine.ts";
import { printJson } from "../terminal.ts";
import { type CommandContext, command, type Example } from "./command.ts";
import { addDataFlags, addEngineFlags, addMemoryFlag, backendOptions, type DataFlags, dataOf, type EngineFlags } from "./shared-flags.ts";

/** The flags of `calibrate` as they are parsed; what was not given is absent. */
interface CalibrateFlags extends DataFlags, EngineFlags {
  readonly out?: string;
  readonly gram?: boolean;
  readonly gradients?: boolean;
  readonly fisher?: boolean;
  readonly regional?: boolean;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly memory?: number;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const EXAMPLES: readonly Example[] = [
  ["collect once …", "secateur calibrate ./model --general c4.jsonl --task math=gsm8k.jsonl --out stats.safetensors"],
  ["… prune many times, in seconds", "secateur prune ./model --stats stats.safetensors --sparsity 0.6 --out ./pruned"],
  ["for sparsegpt, which reads Gram matrices", "secateur calibrate ./model --general c4.jsonl --gram --out stats.safetensors"],
  [
    "for fisher, which knows the loss",
    "secateur calibrate ./model --general c4.jsonl --task math=gsm8k.jsonl --gradients --out stats.safetensors",
  ],
  ["shards from several machines, added", "secateur stats merge monday.safetensors tuesday.safetensors --out stats.safetensors"],
];

/** `secateur calibrate`: statistics of data, for many prunes. */
export function calibrateCommand(context: CommandContext): Command {
  const made = command("calibrate", "collect statistics once, to prune from many times", EXAMPLES)
    .description(
      "Sends general text and each task's data through the dense model once and keeps the statistics that pruning needs in one file. `prune --stats` and `sweep --stats` read it instead of data.",
    )
    .argument("<model>", "folder of a Hugging Face model with safetensors weights");
  addDataFlags(made)
    .optionsGroup("What is collected:")
    .option("--gram", "Gram matrices too, which solvers such as sparsegpt read; they take much more room")
    .option("--gradients", "gradients of the loss too, which the scorer fisher reads; takes a way back through the blocks")
    .option("--fisher", "the Fisher information's diagonal too, with the gradients, which obd reads; as large as the weights")
    .option("--regional", "gradients of each block's own norm too, which wanda-plus reads")
    .option("--include <glob>", "only layers with such names (repeatable)", flags.repeated(flags.text("--include")))
    .option("--exclude <glob>", "no layers with such names (repeatable)", flags.repeated(flags.text("--exclude")));
  addMemoryFlag(addEngineFlags(made.optionsGroup("Engine:")));
  return made
    .optionsGroup("Output:")
    .option("--out <file>", "the statistics file", flags.text("--out"))
    .option("--force", "replace --out when it is there")
    .option("--dry-run", "check everything and print the plan, write nothing")
    .option("--json", "print one JSON document instead of text")
    .action(async (model: string, given: CalibrateFlags) =>
      runCalibrateCommand(calibrateRequest(model, given, context.version), given.json === true, context),
    );
}

/** What the flags ask for. Throws SecateurError `usage` for flags that do not go together. */
export function calibrateRequest(model: string, given: CalibrateFlags, version: string): CalibrateRequest {
  const { out, gram, gradients, fisher, regional, include, exclude, backend, force = false, dryRun = false, memory } = given;
  if (out === undefined && !dryRun) {
    throw new SecateurError("usage", "--out is missing: name a file for the statistics, or give --dry-run to see the plan only");
  }
  const recipe = {
    model,
    ...dataOf(given),
    gram,
    gradients,
    fisher,
    regional,
    include,
    exclude,
    backend,
    backendOptions: backendOptions(given),
  };
  return { recipe, out, force, dryRun, version, memoryBytes: memory };
}

async function runCalibrateCommand(request: CalibrateRequest, json: boolean, { terminal }: CommandContext): Promise<void> {
  const started = performance.now();
  const view = createProgress(terminal.err);
  const run = followPrune(view);
  try {
    const outcome = await runEngine("calibrate", request, {
      onEvent: (event) => run.follow(event),
      onStopping: () => view.line("stopping; Ctrl-C again ends it at once"),
    });
    view.stop();
    const { plan, backend, written } = outcome;
    if (!written || request.out === undefined) {
      const backends = await backendsHere();
      if (json) printJson(terminal.out, { plan, backend, backends });
      else terminal.out.write(calibrationText(plan, backend, backends));
      return;
    }
    const seconds = (performance.now() - started) / 1000;
    const result = { out: request.out, plan, backend, seconds, tokensPerSecond: run.tokensPerSecond() };
    if (json) printJson(terminal.out, result);
    else terminal.out.write(calibratedText({ ...result, model: request.recipe.model }, terminal.colors));
  } finally {
    view.stop();
  }
}
