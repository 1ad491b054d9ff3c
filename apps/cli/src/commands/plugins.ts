import type { Command } from "commander";
import { type BackendState, backendsHere } from "../backends.ts";
import * as flags from "../flags.ts";
import { LICENCE_NAMES, PLUGIN_KINDS } from "../new-plugin/names.ts";
import { begunText } from "../render/begun.ts";
import { pluginsText } from "../render/plugins.ts";
import { runEngine } from "../run-engine.ts";
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
    .description(
      "Lists what is built in and what is installed for the present folder, with each plugin's options, and what backends compute on here.",
    )
    .option("--json", "print one JSON document instead of text")
    .addCommand(newCommand(context))
    .action(async ({ json }: { readonly json?: boolean }) => {
      const [list, states] = await Promise.all([runEngine("plugins", {}), backendsHere()]);
      const here = (name: string): BackendState[] => states.filter(({ backend }) => backend === name);
      if (json) printJson(terminal.out, { ...list, backend: list.backend?.map((plugin) => ({ ...plugin, here: here(plugin.name) })) });
      else terminal.out.write(pluginsText(list, states, terminal.colors));
    });
}

function newCommand({ terminal, version }: CommandContext): Command {
  return command("new", "begin a plugin of your own", [
    ["a scorer that works, with its tests, in ./secateur-scorer-my-scorer", "secateur plugins new scorer my-scorer"],
    ["a fusion in your npm scope", "secateur plugins new fuser @you/my-rule --license mit --out ./my-rule"],
  ])
    .description("Writes a package with a small plugin that works, its test against Secateur's contract, and what is needed to publish it.")
    .argument("<kind>", PLUGIN_KINDS.join(", "))
    .argument("<name>", "what the plugin is called; the package becomes secateur-KIND-NAME, or @you/secateur-KIND-NAME for @you/NAME")
    .option("--out <folder>", "where to write it (default: the package's name)", flags.text("--out"))
    .option("--license <licence>", LICENCE_NAMES.join(" or "), LICENCE_NAMES[0])
    .option("--author <name>", "who the MIT licence names", flags.text("--author"))
    .option("--json", "print one JSON document instead of text")
    .action(async (kind: string, name: string, { out, license, author, json }: NewFlags, self: Command) => {
      const { newPlugin } = await import("../new-plugin/new-plugin.ts");
      const begun = newPlugin({ kind, name, out, licence: license, author, version });
      if (json || self.parent?.opts().json) printJson(terminal.out, begun);
      else terminal.out.write(begunText(begun, terminal.colors));
    });
}
