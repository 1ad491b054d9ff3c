import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { CONTRACT } from "../contracts.ts";
import { SecateurError } from "../errors.ts";
import { type ImportModule, importFile } from "./import-file.ts";
import { installedPackages, locatePackage } from "./locate.ts";
import type { PluginKind, PluginOf, Registry } from "./registry.ts";
import { nearestName } from "./spelling.ts";

/** Where a plugin's name is looked up. */
export interface ResolveOptions {
  /** The user's directory: packages and relative paths are found from here. */
  readonly from: string;
  /** Node's own `import`, unless the host loads modules in another way. */
  readonly importModule?: ImportModule;
}

/**
 * The plugin that a user's name stands for: `wanda` is the built-in one, else `@secateur/scorer-wanda` or `secateur-scorer-wanda`; `@you/x` is
 * `@you/secateur-scorer-x`; `./mine.ts`, a longer path or a `file:` URL is that file. Throws SecateurError `not-found` for a name that leads nowhere, and
 * `plugin` for one that two packages answer to, for a module that cannot be loaded, and for a default export that is no plugin of the kind or of another version
 * of the contracts.
 */
export async function resolvePlugin<K extends PluginKind>(
  registry: Registry,
  kind: K,
  name: string,
  { from, importModule }: ResolveOptions,
): Promise<PluginOf<K>> {
  const found = locatePlugin(registry, kind, name, from);
  if ("plugin" in found) return found.plugin;
  const what = described(kind, name);
  return asPlugin(kind, await importFile(found.file, { from, what, code: "plugin", importModule }), what);
}

/**
 * A hash of the file that a user's name stands for, `sha256:…`; undefined for a built-in plugin. It tells whether a plugin is still the one that an earlier run
 * used, as far as its own file goes: what that file imports is not looked at. Throws as `resolvePlugin` does for a name that leads nowhere.
 */
export function pluginHash(registry: Registry, kind: PluginKind, name: string, { from }: Pick<ResolveOptions, "from">): string | undefined {
  const found = locatePlugin(registry, kind, name, from);
  return "plugin" in found ? undefined : `sha256:${createHash("sha256").update(readFileSync(found.file)).digest("hex")}`;
}

function locatePlugin<K extends PluginKind>(
  registry: Registry,
  kind: K,
  name: string,
  from: string,
): { plugin: PluginOf<K> } | { file: string } {
  const what = described(kind, name);
  if (isPath(name)) return { file: existingFile(name, from, what) };
  const plugin = registry.get(kind, name);
  if (plugin !== undefined) return { plugin };
  const found = packagesNamed(kind, name).flatMap((id) => {
    const file = locate(id, from, what);
    return file === undefined ? [] : [{ id, file }];
  });
  const [first, second] = found;
  if (first === undefined) throw unknownName(registry, kind, name, from);
  if (second !== undefined) {
    throw new SecateurError("plugin", `${what} is in two packages, ${first.id} and ${second.id}: say which by the package's full name`);
  }
  return first;
}

function described(kind: PluginKind, name: string): string {
  return `the ${kind} "${name}"`;
}

/** The names, as users write them, of the plugins of a kind that are installed as packages for a directory, in alphabetical order. */
export function installedPlugins(kind: PluginKind, from: string): string[] {
  const pattern = new RegExp(`^(?:@secateur/${kind}-(.+)|secateur-${kind}-(.+)|(@[^/]+)/secateur-${kind}-(.+))$`);
  const names = installedPackages(from).flatMap((id) => {
    const [, official, bare, scope, scoped] = pattern.exec(id) ?? [];
    return official ?? bare ?? (scope === undefined ? [] : `${scope}/${scoped}`);
  });
  return [...new Set(names)].sort();
}

function isPath(name: string): boolean {
  return isAbsolute(name) || /^\.{1,2}[/\\]|^file:|\.[cm]?[jt]s$/.test(name);
}

function existingFile(name: string, from: string, what: string): string {
  const file = name.startsWith("file:") ? fileURLToPath(name) : resolve(from, name);
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) throw new SecateurError("not-found", `${what} is not there: no file ${file}`, { where: { file } });
  if (!stats.isFile()) throw new SecateurError("plugin", `${what} is a folder: name the file in it`, { where: { file } });
  return file;
}

/** The packages that a name may stand for, in the order in which they are tried; a package's full name stands for itself. */
function packagesNamed(kind: PluginKind, name: string): string[] {
  const [, scope, rest = ""] = /^(?:(@[\w.~-]+)\/)?([\w.~-]+)$/.exec(name) ?? [];
  if (rest === "" || rest.startsWith(".")) return [];
  if (rest.startsWith(`secateur-${kind}-`)) return [name];
  if (scope === "@secateur") return [rest.startsWith(`${kind}-`) ? name : `@secateur/${kind}-${rest}`];
  return scope === undefined ? [`@secateur/${kind}-${rest}`, `secateur-${kind}-${rest}`] : [`${scope}/secateur-${kind}-${rest}`];
}

function locate(id: string, from: string, what: string): string | undefined {
  try {
    return locatePackage(id, from);
  } catch (cause) {
    throw new SecateurError("plugin", `cannot load ${what} from the package ${id}: ${(cause as Error).message}`, { cause });
  }
}

/** What may be there in something that should be a plugin. */
interface PluginLike {
  readonly contract?: unknown;
  readonly kind?: unknown;
  readonly name?: unknown;
  readonly summary?: unknown;
  readonly options?: { readonly "~standard"?: { readonly validate?: unknown } };
  readonly create?: unknown;
  /** Of a scorer. */
  readonly fusion?: unknown;
}

/** Checks the shape of what a module exports, so that a mistake in it is met here and named, not deep in a run. */
function asPlugin<K extends PluginKind>(kind: K, value: unknown, what: string): PluginOf<K> {
  const given = (typeof value === "object" && value !== null ? value : {}) as PluginLike;
  if (typeof given.kind === "string" && given.kind !== kind) {
    throw new SecateurError("plugin", `${what} is a ${given.kind}: its default export says kind "${given.kind}", not "${kind}"`);
  }
  if (typeof given.contract === "number" && given.contract !== CONTRACT) {
    const advice = given.contract < CONTRACT ? "a newer version of it" : "a newer version of Secateur";
    throw new SecateurError(
      "plugin",
      `${what} is written for version ${given.contract} of @secateur/kit's contracts, and this is version ${CONTRACT}: install ${advice}`,
    );
  }
  const wrong = [
    given.kind === kind ? [] : `kind "${kind}"`,
    given.contract === CONTRACT ? [] : `contract ${CONTRACT} (what the define functions of @secateur/kit say)`,
    typeof given.name === "string" ? [] : "a name",
    typeof given.summary === "string" ? [] : "a summary",
    typeof given.options?.["~standard"]?.validate === "function" ? [] : "options (a Standard Schema)",
    typeof given.create === "function" ? [] : "a create function",
    given.fusion === undefined || (typeof given.fusion === "string" && given.fusion !== "") ? [] : "a fusion that is a name",
  ].flat();
  if (wrong.length > 0) throw new SecateurError("plugin", `${what} is no plugin: its default export lacks ${wrong.join(", ")}`);
  return value as PluginOf<K>; // checked above, field by field
}

function unknownName(registry: Registry, kind: PluginKind, name: string, from: string): SecateurError {
  const known = [...new Set([...registry.list(kind).map((plugin) => plugin.name), ...installedPlugins(kind, from)])].sort();
  const nearest = nearestName(name, known);
  const hint = nearest === undefined ? "" : `; did you mean "${nearest}"?`;
  const packages = packagesNamed(kind, name);
  const tried = packages.length === 0 ? "" : ` (no package ${packages.join(" or ")} is installed for ${from})`;
  const list = known.length === 0 ? `there are no ${kind}s` : `the ${kind}s are ${known.join(", ")}`;
  return new SecateurError("not-found", `no ${kind} is called "${name}": ${list}${hint}${tried}`);
}
