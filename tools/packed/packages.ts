import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { inject } from "vitest";
import type { PackedPackage } from "../src/pack.ts";

/** This repository. */
export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));

/** The packages by name; empty where there is no registry, so that tests are skipped. */
export function packedPackages(): ReadonlyMap<string, PackedPackage> {
  return new Map((inject("packed")?.packages ?? []).map((one) => [one.name, one]));
}

/** Whether tests of packed packages can be run here; where not, the setup has said why. */
export const CAN_INSTALL: boolean = inject("packed") !== undefined;

/** A folder for a test file to install in. */
export function installFolder(name: string): string {
  return join(inject("packed")?.folder ?? "", name);
}

/** The range that this repository takes a package in, else any. */
export function rangeOf(name: string): string {
  const [, range] = new RegExp(`^  "?${name}"?: (\\S+)$`, "m").exec(readFileSync(join(ROOT, "pnpm-workspace.yaml"), "utf8")) ?? [];
  return range ?? "*";
}

const run = promisify(execFile);

/** Runs a script of one of this repository's tools, or one's own, on Node. A failure carries all that it printed. */
export async function node(cwd: string, script: string, ...args: readonly string[]): Promise<string> {
  try {
    const { VITEST: _v, NODE_ENV: _e, ...env } = process.env;
    return (await run(process.execPath, [script, ...args], { cwd, env: { ...env, NO_COLOR: "1" }, maxBuffer: 1 << 26 })).stdout;
  } catch (error) {
    const { stdout = "", stderr = "", message } = error as Error & { stdout?: string; stderr?: string };
    throw new Error(`${stdout}${stderr}` || message); // the cause repeats it
  }
}

/** A program of this repository's tools, such as `typescript/bin/tsc`. */
export function tool(path: string): string {
  return join(ROOT, "node_modules", path);
}
