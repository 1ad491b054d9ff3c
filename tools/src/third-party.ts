import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isPermissive } from "./licences.ts";

/** A package of somebody else. */
export interface ThirdParty {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** What its licence file says; where it brings none, who wrote it. */
  readonly text: string;
}

/**
 * The packages of others that these files come from, in the order of their names. Throws an Error for one whose licence is not permissive, or that says neither
 * its terms nor its author.
 */
export function thirdPartyOf(files: Iterable<string>): ThirdParty[] {
  const folders = new Set([...files].filter((file) => /[/\\]node_modules[/\\]/.test(file)).map(packageFolder));
  return [...folders].map(readThirdParty).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The text that goes with code of others. */
export function noticeText(packages: readonly ThirdParty[]): string {
  const parts = packages.map(({ name, version, licence, text }) => `${name} ${version} (${licence})\n\n${text.trim()}\n`);
  return ["This program contains code of the packages below, under their licences.\n", ...parts].join(`\n${"-".repeat(80)}\n\n`);
}

/** The folder of the package that a file in node_modules belongs to; folders inside it may have a package.json without a name. */
function packageFolder(file: string): string {
  const match = /^.*[/\\]node_modules[/\\](?:@[^/\\]+[/\\])?[^/\\]+/.exec(file);
  return match?.[0] ?? dirname(file);
}

function readThirdParty(folder: string): ThirdParty {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    readonly name: string;
    readonly version: string;
    readonly license?: unknown;
    readonly author?: string | { readonly name?: string };
  };
  const { name, version, license, author } = manifest;
  if (typeof license !== "string" || !isPermissive(license)) {
    throw new Error(`${name} ${version} is under ${JSON.stringify(license)}, which is no permissive licence: leave it out of the bundle`);
  }
  const file = readdirSync(folder).find((entry) => /^(?:un)?licen[cs]e(?:[.-](?:md|txt|mit))?$/i.test(entry));
  const writer = typeof author === "string" ? author : author?.name;
  if (file === undefined && writer === undefined) throw new Error(`${name} ${version} brings no licence file and names no author`);
  const notice = join(folder, "NOTICE");
  const text = file === undefined ? `Copyright ${writer}` : readFileSync(join(folder, file), "utf8");
  return { name, version, licence: license, text: existsSync(notice) ? `${text}\n${readFileSync(notice, "utf8")}` : text };
}
