import { Command } from "commander";
import type { Terminal } from "../terminal.ts";

/** What every command is made with. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly version: string;
}

/** Makes one command of the program. */
export type MakeCommand = (context: CommandContext) => Command;

/** A shell line and what it does. */
export type Example = readonly [does: string, line: string];

/** A command with its examples under its help. */
export function command(name: string, summary: string, examples: readonly Example[]): Command {
  return new Command(name).summary(summary).addHelpText("after", `\n${examplesText(examples)}`);
}

/** Examples as help shows them. */
export function examplesText(examples: readonly Example[]): string {
  return `Examples:\n${examples.map(([does, line]) => `  ${line}\n      ${does}`).join("\n")}`;
}
