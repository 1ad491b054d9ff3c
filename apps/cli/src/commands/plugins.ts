import type { Command } from "commander";
import { runEngine } from "../engine/client.ts";
import * as flags from "../flags.ts";
import { LICENCES } from "../new-plugin/licences.ts";
import { newPlugin, TEMPLATES } from "../new-plugin/new-plugin.ts";
import { begunText } from "../render/begun.ts";
import { pluginsText } from "../render/plugins.ts";
import { printJson } from "../terminal.ts";
import { type CommandContext, command, type Example } from "./command.ts";

const EXAMPLES: readonly Example[] = [
  ["every name that a flag takes, with its options", "secateur plugins"],
  ["an option in use", "secateur prune ./model --scorer magnitude --scorer-option exact=false --sparsity 0.3 --out ./pruned"],
  ["a scorer of your own", "secateur prune ./model --scorer ./mine.js --general c4.jsonl --sparsity 0.5 --out ./pruned"],
  ["a package to write one in", "secateur plugins new scorer my-scorer"],
];

interface NewFlags {
  readonly out?: string;
  readonly license: string;
  readonly author?: string;
  readonly json?: boolean;
}

/** `secateur plugins`: what can be named, and its options. */
export function pluginsCommand(context: CommandContext): Command {
  const { terminal } = context;
  return command("plugins", "list scorers, fusions, backends, loaders and formats", EXAMPLES)
    .description("Lists what is built in and what is installed for the present folder, with each plugin's options.")
    .option("--json", "print one JSON document instead of text")
    .addCommand(newCommand(context))
    .action(async ({ json }: { readonly json?: boolean }) => {
      const list = await runEngine("plugins", {});
      if (json) printJson(terminal.out, list);
      else terminal.out.write(pluginsText(list, terminal.colors));
    });
}

function newCommand({ terminal, version }: CommandContext): Command {
  return command("new", "begin a plugin of your own", [
    ["a scorer that works, with its tests, in ./secateur-scorer-my-scorer", "secateur plugins new scorer my-scorer"],
    ["a fusion in your npm scope", "secateur plugins new fuser @you/my-rule --license mit --out ./my-rule"],
  ])
    .description("Writes a package with a small plugin that works, its test against Secateur's contract, and what is needed to publish it.")
    .argument("<kind>", Object.keys(TEMPLATES).join(", "))
    .argument("<name>", "what the plugin is called; the package becomes secateur-KIND-NAME, or @you/secateur-KIND-NAME for @you/NAME")
    .option("--out <folder>", "where to write it (default: the package's name)", flags.text("--out"))
    .option("--license <licence>", Object.keys(LICENCES).join(" or "), "apache-2.0")
    .option("--author <name>", "who the MIT licence names", flags.text("--author"))
    .option("--json", "print one JSON document instead of text")
    .action((kind: string, name: string, { out, license, author, json }: NewFlags, self: Command) => {
      const begun = newPlugin({ kind, name, out, licence: license, author, version });
      if (json || self.parent?.opts().json) printJson(terminal.out, begun);
      else terminal.out.write(begunText(begun, terminal.colors));
    });
}
