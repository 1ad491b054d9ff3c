import type { ListedPlugin, PluginList } from "@secateur/engine";
import type { BackendState } from "../backends.ts";
import type { Colors } from "../terminal.ts";
import { backendsText } from "./backends.ts";
import { table } from "./table.ts";

/** What is listed, and where it is named. */
const HEADINGS: Readonly<Record<string, string>> = {
  scorer: "scorers: --scorer NAME --scorer-option KEY=VALUE",
  fuser: "fusions: --fusion NAME --fusion-option KEY=VALUE",
  allocator: "allocators: --allocate NAME --allocate-option KEY=VALUE",
  backend: "backends: --backend NAME --backend-option KEY=VALUE",
  loader: "loaders: chosen by a data file's ending",
  format: "formats: chosen by what a model's folder holds",
  template: "task templates: --task-template NAME",
};

/** Every plugin by kind, with its options; behind the backends, what they compute on here. */
export function pluginsText(list: PluginList, states: readonly BackendState[], { bold }: Colors): string {
  return Object.entries(list)
    .map(
      ([kind, plugins]) =>
        `${bold(HEADINGS[kind] ?? kind)}\n${section(plugins)}${kind === "backend" ? `\n${backendsText(states, "  ")}` : ""}`,
    )
    .join("\n");
}

function section(plugins: readonly ListedPlugin[]): string {
  const width = Math.max(...plugins.map(({ name }) => name.length));
  return plugins
    .map(
      (plugin) =>
        `  ${plugin.name.padEnd(width)}  ${plugin.problem ?? plugin.summary}${endings(plugin)}\n${optionsOf(plugin, " ".repeat(width + 4))}`,
    )
    .join("");
}

function endings({ extensions = [] }: ListedPlugin): string {
  return extensions.length === 0 ? "" : ` (${extensions.join(", ")})`;
}

function optionsOf({ options }: ListedPlugin, indent: string): string {
  const rows = options.map(({ name, type, required, default: fallback, description }) => [
    name,
    type.replaceAll('"', ""),
    required ? "required" : fallback === undefined ? "" : `default ${typeof fallback === "string" ? fallback : JSON.stringify(fallback)}`,
    description ?? "",
  ]);
  return table(rows, [], indent);
}
