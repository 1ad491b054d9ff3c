import type { AnyPlugin } from "../contracts.ts";
import { SecateurError } from "../errors.ts";

/** The kinds of plugins that are named on a command line or in a recipe. */
export type PluginKind = AnyPlugin["kind"];

/** The plugin type of a kind. */
export type PluginOf<K extends PluginKind> = Extract<AnyPlugin, { readonly kind: K }>;

/** Plugins by kind and name. It never changes once made. */
export interface Registry {
  /** The plugins of a kind, in the order in which they were given. */
  list<K extends PluginKind>(kind: K): readonly PluginOf<K>[];
  /** The plugin of a kind by its name; undefined when there is none. */
  get<K extends PluginKind>(kind: K, name: string): PluginOf<K> | undefined;
}

/** Makes a registry of the plugins that an app brings with it. Throws SecateurError `internal` when two of a kind have one name. */
export function createRegistry(builtIns: Iterable<AnyPlugin>): Registry {
  const kinds = new Map<PluginKind, Map<string, AnyPlugin>>();
  for (const plugin of builtIns) {
    const names = kinds.get(plugin.kind) ?? new Map<string, AnyPlugin>();
    if (names.has(plugin.name)) throw new SecateurError("internal", `two ${plugin.kind}s are called "${plugin.name}"`);
    kinds.set(plugin.kind, names.set(plugin.name, plugin));
  }
  return {
    // The cast holds because the map of a kind is only ever given plugins of that kind.
    list: <K extends PluginKind>(kind: K) => [...(kinds.get(kind)?.values() ?? [])] as PluginOf<K>[],
    get: <K extends PluginKind>(kind: K, name: string) => kinds.get(kind)?.get(name) as PluginOf<K> | undefined,
  };
}
