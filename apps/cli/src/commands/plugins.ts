import type { Command } from "commander";
import { type BackendState, backendsHere } from "../backends.ts";
import { runEngine } from "../engine/client.ts";
import { pluginsText } from "../render/plugins.ts";
import { printJson } from "../terminal.ts";
import { type CommandContext, command, type Example } from "./command.ts";

const EXAMPLES: readonly Example[] = [
  ["every name that a flag takes, with its options", "secateur plugins"],
  ["an option in use", "secateur prune ./model --scorer magnitude --scorer-option exact=false --sparsity 0.3 --out ./pruned"],
  ["a scorer of your own", "secateur prune ./model --scorer ./mine.js --general c4.jsonl --sparsity 0.5 --out ./pruned"],
];

/** `secateur plugins`: what can be named, and its options. */
export function pluginsCommand({ terminal }: CommandContext): Command {
  return command("plugins", "list scorers, fusions, backends, loaders and formats", EXAMPLES)
    .description(
      "Lists what is built in and what is installed for the present folder, with each plugin's options, and what backends compute on here.",
    )
    .option("--json", "print one JSON document instead of text")
    .action(async ({ json }: { readonly json?: boolean }) => {
      const [list, states] = await Promise.all([runEngine("plugins", {}), backendsHere()]);
      const here = (name: string): BackendState[] => states.filter(({ backend }) => backend === name);
      if (json) printJson(terminal.out, { ...list, backend: list.backend?.map((plugin) => ({ ...plugin, here: here(plugin.name) })) });
      else terminal.out.write(pluginsText(list, states, terminal.colors));
    });
}
