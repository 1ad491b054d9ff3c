import type { Command } from "commander";
import { statisticsText } from "../render/calibrated.ts";
import { inspectionText } from "../render/inspection.ts";
import { runEngine } from "../run-engine.ts";
import { printJson } from "../terminal.ts";
import { type CommandContext, command, type Example } from "./command.ts";

const EXAMPLES: readonly Example[] = [
  ["what is in a model", "secateur inspect ./model"],
  ["what a statistics file was collected from", "secateur inspect stats.safetensors"],
  ["how a pruned model was made", "secateur inspect ./pruned --json | jq .pruned.recipe"],
];

/** `secateur inspect`: what a model's headers say. */
export function inspectCommand({ terminal }: CommandContext): Command {
  return command("inspect", "show what is in a model or a statistics file", EXAMPLES)
    .description(
      "Shows what is in a model: architecture, tensors, files, and how it was pruned; or of which data and model a statistics file is. Reads headers only.",
    )
    .argument("<path>", "folder of a model, or a statistics file")
    .option("--json", "print one JSON document instead of text")
    .action(async (path: string, { json }: { readonly json?: boolean }) => {
      const inspection = await runEngine("inspect", { path });
      if (json) printJson(terminal.out, inspection);
      else if ("statistics" in inspection) terminal.out.write(statisticsText(inspection));
      else terminal.out.write(inspectionText(inspection, terminal.colors));
    });
}
