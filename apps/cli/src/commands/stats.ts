import { type Command, Command as Group } from "commander";
import * as flags from "../flags.ts";
import { statisticsText } from "../render/calibrated.ts";
import { createProgress } from "../render/progress.ts";
import { runEngine } from "../run-engine.ts";
import { printJson } from "../terminal.ts";
import { type CommandContext, command, type Example, examplesText } from "./command.ts";

interface MergeFlags {
  readonly out: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

const EXAMPLES: readonly Example[] = [
  [
    "two shards of the same role are added, as if their data had been read together",
    "secateur stats merge monday.safetensors tuesday.safetensors --out both.safetensors",
  ],
  ["general text from one file, a task from another", "secateur stats merge general.safetensors math.safetensors --out stats.safetensors"],
];

/** `secateur stats`: what can be done with statistics files. */
export function statsCommand(context: CommandContext): Command {
  const group = new Group("stats").summary("merge statistics files").addHelpText("after", `\n${examplesText(EXAMPLES)}`);
  return group.description("Works with the statistics files that `calibrate` writes.").addCommand(mergeCommand(context));
}

function mergeCommand(context: CommandContext): Command {
  return command("merge", "add statistics files of one model", EXAMPLES)
    .description(
      "Merges statistics files of one model into one: roles that several files have are added exactly, others are carried over. The order of the files does not matter.",
    )
    .argument("<files...>", "two or more statistics files")
    .requiredOption("--out <file>", "the merged file", flags.text("--out"))
    .option("--force", "replace --out when it is there")
    .option("--json", "print one JSON document instead of text")
    .action(async (inputs: string[], given: MergeFlags) => runMerge(inputs, given, context));
}

async function runMerge(
  inputs: readonly string[],
  { out, force = false, json = false }: MergeFlags,
  { terminal }: CommandContext,
): Promise<void> {
  const view = createProgress(terminal.err);
  try {
    const inspection = await runEngine(
      "merge",
      { inputs, out, force },
      {
        onEvent: ({ share }) => view.update({ label: "merging", done: 100 * share, total: 100, unit: "%", perSecond: undefined }),
        onStopping: () => view.line("stopping; Ctrl-C again ends it at once"),
      },
    );
    view.stop();
    if (json) printJson(terminal.out, inspection);
    else terminal.out.write(statisticsText(inspection));
  } finally {
    view.stop();
  }
}
