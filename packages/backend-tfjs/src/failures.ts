import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { SecateurError } from "@secateur/kit";
import type { Runtime } from "./runtimes.ts";

/** For a runtime whose packages are not all there: which to add. */
export function notInstalled({ name, package: id, besides, wants }: Runtime, missing: readonly string[]): SecateurError {
  const needs = wants === undefined ? "" : `; it wants ${wants}`;
  return new SecateurError(
    "not-found",
    `the tfjs runtime ${name} is not installed: there is no package ${missing.join(" and ")}. Add it with \`npm install ${[...besides, id].join(" ")}\`${needs}`,
  );
}

/** For a package that is there and does not load: what is missing of it. */
export function importFailure(runtime: Runtime, folder: string, cause: unknown): SecateurError {
  const { name, package: id, native, wants } = runtime;
  const reason = (cause instanceof Error ? cause.message : String(cause)).split("\n")[0]?.trim();
  const needs = wants === undefined ? "" : `; it wants ${wants}`;
  if (native && !hasAddon(folder)) {
    return new SecateurError(
      "not-found",
      `the tfjs runtime ${name} has no addon: ${join(folder, "lib/napi-v*/tfjs_binding.node")} is not there. The install script of ${id}, which fetches libtensorflow and the addon, did not run or failed: allow it (pnpm: \`allowBuilds: { "${id}": true }\` in pnpm-workspace.yaml; npm: \`ignore-scripts\` off) and install again where the network lets it, with \`npm rebuild ${id}\` or \`pnpm rebuild ${id}\`${needs}`,
      { cause },
    );
  }
  if (native) {
    const library = join(folder, "deps/lib");
    const what = hasLibrary(library) ? `the libtensorflow in ${library} does not load` : `there is no libtensorflow in ${library}`;
    return new SecateurError("backend", `the tfjs runtime ${name} has its addon, but ${what}: ${reason}${needs}`, { cause });
  }
  return new SecateurError("backend", `the tfjs runtime ${name} does not load from ${folder}: ${reason}`, { cause });
}

/** One for each version of Node's interface for addons that there is. */
function hasAddon(folder: string): boolean {
  return namesIn(join(folder, "lib")).some((version) => existsSync(join(folder, "lib", version, "tfjs_binding.node")));
}

function hasLibrary(folder: string): boolean {
  // A link to a file that was moved away is not there either.
  return namesIn(folder).some((name) => /^(?:lib)?tensorflow\b.*\.(?:so|dylib|dll)\b/.test(name) && existsSync(join(folder, name)));
}

function namesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
