import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { SecateurError } from "@secateur/kit";
import { allocator } from "./allocator.ts";
import { backend } from "./backend.ts";
import { fuser } from "./fuser.ts";
import { LICENCES } from "./licences.ts";
import { loader } from "./loader.ts";
import type { PLUGIN_KINDS } from "./names.ts";
import { commonFiles } from "./package-files.ts";
import { scorer } from "./scorer.ts";
import type { Template } from "./template.ts";

const TEMPLATES: Readonly<Record<(typeof PLUGIN_KINDS)[number], Template>> = { scorer, fuser, allocator, loader, backend };

/** What is to be begun. */
export interface NewPlugin {
  readonly kind: string;
  /** A plugin's name, `@scope/name`, or the full name of its package. */
  readonly name: string;
  /** The folder; the package's name without its scope when left out. */
  readonly out: string | undefined;
  readonly licence: string;
  readonly author: string | undefined;
  /** Of this program, which all of its packages share. */
  readonly version: string;
}

/** What was written. */
export interface Begun {
  readonly package: string;
  /** What the command line names it by, once it is installed. */
  readonly reference: string;
  readonly folder: string;
  readonly files: readonly string[];
}

/** Writes a package that makes a plugin of one kind, whole or not at all. Throws SecateurError `usage` for a kind, name or licence that is none, `exists` for a folder with something in it. */
export function newPlugin({ kind, name, out, licence, author, version }: NewPlugin): Begun {
  const template = lookUp(TEMPLATES, kind, "kind of plugin");
  const terms = lookUp(LICENCES, licence, "--license");
  const { plugin, packageName, reference } = namesOf(template.prefix, name);
  const folder = out ?? basename(packageName);
  const files = {
    ...commonFiles({
      template,
      kind,
      plugin,
      packageName,
      reference,
      licence: terms,
      holder: author ?? `the authors of ${packageName}`,
      version,
    }),
    ...template.files(plugin),
  };
  writeWhole(resolve(folder), folder, files);
  return { package: packageName, reference, folder, files: Object.keys(files).sort() };
}

function lookUp<Item>(table: Readonly<Record<string, Item>>, name: string, what: string): Item {
  const found = Object.hasOwn(table, name) ? table[name] : undefined;
  if (found !== undefined) return found;
  throw new SecateurError("usage", `${what} ${JSON.stringify(name)}: wanted ${Object.keys(table).join(", ")}`);
}

/** npm's limit on a package's name. */
const LONGEST = 214;

function namesOf(prefix: string, given: string): { plugin: string; packageName: string; reference: string } {
  const [, scope = "", rest = ""] = /^(@[a-z0-9][a-z0-9._-]*\/)?(.*)$/.exec(given) ?? [];
  const plugin = rest.startsWith(`secateur-${prefix}-`) ? rest.slice(`secateur-${prefix}-`.length) : rest;
  const packageName = `${scope}secateur-${prefix}-${plugin}`;
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(plugin) || packageName.length > LONGEST) {
    const wanted = `small letters and digits, in words parted by hyphens, such as my-${prefix} or @you/my-${prefix}`;
    throw new SecateurError("usage", `the name ${JSON.stringify(given)} cannot be a package's: wanted ${wanted}`);
  }
  if (scope === "@secateur/")
    throw new SecateurError("usage", `the name ${JSON.stringify(given)} is of a scope that is not yours: give your own, or none`);
  return { plugin, packageName, reference: `${scope}${plugin}` };
}

/** Writes files beside the folder first, which then takes its name. */
function writeWhole(folder: string, named: string, files: Readonly<Record<string, string>>): void {
  const stats = statSync(folder, { throwIfNoEntry: false });
  if (stats !== undefined && !stats.isDirectory())
    throw new SecateurError("exists", `${named} is a file: name a folder that is not there`, { where: { file: folder } });
  if (stats !== undefined && readdirSync(folder).length > 0) {
    throw new SecateurError("exists", `${named} exists and is not empty: give another folder with --out`, { where: { file: folder } });
  }
  mkdirSync(dirname(folder), { recursive: true });
  const partial = mkdtempSync(`${folder}.partial-`);
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(partial, path)), { recursive: true });
      writeFileSync(join(partial, path), text);
    }
    if (stats !== undefined) rmdirSync(folder); // empty; some systems rename onto no folder at all
    renameSync(partial, folder);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
}
