import type { ScorerPlugin } from "@secateur/kit";
import {
  describeOptions,
  installedPlugins,
  type OptionDescription,
  type PluginKind,
  parseOptions,
  resolvePlugin,
} from "@secateur/kit/node";
import { TASK_TEMPLATES } from "@secateur/tasks";
import { reportOf } from "../errors.ts";
import { builtIns } from "../wiring.ts";

/** A plugin as a list shows it. */
export interface ListedPlugin {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionDescription[];
  /** Whether a scorer can also be a solver; left out where that cannot be told without options. */
  readonly solver?: boolean;
  /** The endings of the files that a loader reads. */
  readonly extensions?: readonly string[];
  /** Why an installed plugin cannot be used. */
  readonly problem?: string;
}

/** Kind → its plugins: those of this program first, then those installed for the user's directory. */
export type PluginList = Readonly<Record<string, readonly ListedPlugin[]>>;

const KINDS: readonly PluginKind[] = ["scorer", "fuser", "allocator", "backend"];

/** Lists what can be named on the command line. */
export async function runPlugins(): Promise<PluginList> {
  const { loaders, formats } = builtIns();
  const kinds: Record<string, readonly ListedPlugin[]> = {};
  for (const kind of KINDS) kinds[kind] = await pluginsOf(kind);
  return {
    ...kinds,
    loader: loaders.map(({ name, summary, extensions }) => ({ name, summary, options: [], extensions })),
    format: formats.map(({ name, summary }) => ({ name, summary, options: [] })),
    template: TASK_TEMPLATES.map(({ name = "", summary = "" }) => ({ name, summary, options: [] })),
  };
}

async function pluginsOf(kind: PluginKind): Promise<ListedPlugin[]> {
  const { registry } = builtIns();
  const from = process.cwd();
  const own = registry.list(kind).map(({ name }) => name);
  const others = installedPlugins(kind, from).filter((name) => !own.includes(name));
  return Promise.all(
    [...own, ...others].map(async (name) => {
      try {
        const plugin = await resolvePlugin(registry, kind, name, { from });
        const solver = plugin.kind === "scorer" ? await isSolver(plugin) : undefined;
        return { name, summary: plugin.summary, options: describeOptions(plugin), ...(solver !== undefined && { solver }) };
      } catch (error) {
        return { name, summary: "cannot be loaded", options: [], problem: reportOf(error).message };
      }
    }),
  );
}

async function isSolver(plugin: ScorerPlugin): Promise<boolean | undefined> {
  try {
    return "solve" in plugin.create(await parseOptions(plugin, {}));
  } catch {
    return undefined; // it wants options
  }
}
