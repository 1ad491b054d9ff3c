import type { Command } from "commander";
import * as flags from "../flags.ts";
import { runEngine } from "../run-engine.ts";
import { printJson } from "../terminal.ts";
import { type CommandContext, command, type Example } from "./command.ts";

const EXAMPLES: readonly Example[] = [
  ["a page of a comparison, in compare.html", "secateur report compare.json"],
  ["a pruned model's page made anew", "secateur report ./pruned --force"],
  ["one in another place", "secateur report ./pruned --out pruned.html"],
];

/** `secateur report`: a page of what a run left. */
export function reportCommand({ terminal }: CommandContext): Command {
  return command("report", "make a page of a prune or a comparison", EXAMPLES)
    .description(
      "Makes a page of a pruned model or of a comparison: one HTML file that needs no network and runs no script. `prune` leaves one in its output, and `compare --out FILE.html` writes one.",
    )
    .argument("<path>", "folder of a pruned model, its secateur.json, or the JSON of a comparison")
    .option(
      "--out <file>",
      "the page (default: report.html in the folder, or the file's name with .html)",
      flags.fileOf("--out", [".html"]),
    )
    .option("--force", "replace the page when it is there")
    .option("--json", "print one JSON document instead of text")
    .action(async (path: string, { out, force = false, json = false }: ReportFlags) => {
      const outcome = await runEngine("report", { path, out, force });
      if (json) printJson(terminal.out, outcome);
      else terminal.out.write(`written to ${outcome.out}\n`);
    });
}

/** The flags of `report` as they are parsed; what was not given is absent. */
interface ReportFlags {
  readonly out?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}
