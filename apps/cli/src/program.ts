import { readFileSync } from "node:fs";
import { CommandError, reportOf } from "@secateur/engine";
import { Command, CommanderError } from "commander";
import { benchBackendsCommand } from "./commands/bench-backends.ts";
import { calibrateCommand } from "./commands/calibrate.ts";
import { examplesText, type MakeCommand } from "./commands/command.ts";
import { compareCommand } from "./commands/compare.ts";
import { demoCommand } from "./commands/demo.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { evalCommand } from "./commands/eval.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { pluginsCommand } from "./commands/plugins.ts";
import { providersCommand } from "./commands/providers.ts";
import { pruneCommand } from "./commands/prune.ts";
import { reportCommand } from "./commands/report.ts";
import { serveCommand, workerCommand } from "./commands/serve.ts";
import { statsCommand } from "./commands/stats.ts";
import { sweepCommand } from "./commands/sweep.ts";
import { EXIT, errorText, exitCodeOf } from "./errors.ts";
import { packageFile } from "./package-file.ts";
import { printJson, processTerminal, type Terminal } from "./terminal.ts";

/** The commands, in the order of the help. */
const COMMANDS: readonly MakeCommand[] = [
  pruneCommand,
  compareCommand,
  calibrateCommand,
  statsCommand,
  sweepCommand,
  evalCommand,
  inspectCommand,
  reportCommand,
  pluginsCommand,
  providersCommand,
  doctorCommand,
  benchBackendsCommand,
  demoCommand,
  serveCommand,
  workerCommand,
];

// Broken where help is wrapped, so that it can be copied.
const FIRST = "secateur prune ./model --general c4.jsonl --task math=gsm8k.jsonl \\\n    --sparsity 0.5 --out ./pruned";

/** Runs the program with these arguments (without `node` and the file's name) and gives its exit code. */
export async function main(args: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  const program = createProgram(terminal);
  if (args.length === 0) {
    program.outputHelp();
    return EXIT.done;
  }
  try {
    await program.parseAsync([...args], { from: "user" });
    return EXIT.done;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT.done; // help or version, already printed
    const error = thrown instanceof CommanderError ? usageError(thrown) : thrown;
    if (args.includes("--json")) {
      const { code, message, where } = reportOf(error);
      printJson(terminal.out, { error: { code, message, where } });
    }
    terminal.err.write(errorText(error, Boolean(process.env.SECATEUR_DEBUG)));
    return exitCodeOf(error);
  }
}

function createProgram(terminal: Terminal): Command {
  const version = packageVersion();
  const program = new Command("secateur")
    .enablePositionalOptions() // what stands behind a command is its own
    .description(
      `Makes a language model smaller for the work you have for it.\n\n${examplesText([
        ["1. prunes half of the weights: those that your task needs least", FIRST],
        ["2. tells how good the result is", "secateur eval ./pruned --data wikitext.txt"],
        ["3. tells what is in it, and how it was made", "secateur inspect ./pruned"],
      ])}`,
    )
    .version(version, "--version", "print the version")
    .helpOption("-h, --help", "show help; every command has its own, with examples")
    .addHelpText("after", "\nA model is a folder with config.json, *.safetensors and tokenizer.json, as the Hugging Face hub has them.");
  for (const make of COMMANDS) program.addCommand(make({ terminal, version }));
  for (const one of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)]) {
    // Errors are printed in one place, in `main`.
    one.exitOverride().configureOutput({ writeOut: (text) => terminal.out.write(text), writeErr: () => {} });
  }
  return program;
}

/** A complaint about arguments in the program's own form: the sentence, its suggestion, and where to read more. */
function usageError({ code, message }: CommanderError): CommandError {
  // Help on a command that is not there has no sentence of its own.
  const text = code === "commander.help" ? "unknown command" : message.replace(/^error: /, "");
  const [first = "", ...rest] = text.split("\n");
  return new CommandError({ code: "usage", message: first }, [...rest, "--help shows what there is"]);
}

function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(packageFile("package.json"), "utf8")) as { version: string };
  return manifest.version;
}
