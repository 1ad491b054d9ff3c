import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BUNDLE } from "../bundle.ts";
import { pnpm } from "../pack.ts";

const APP = fileURLToPath(new URL("../../../apps/cli", import.meta.url));
const TIMES = 41;

/** Milliseconds until the bundled command has shown its help, and until Node has done nothing: medians of runs in turn. */
export async function measureStartup(): Promise<{ readonly help: number; readonly nothing: number }> {
  await pnpm(APP, "run", "prepack");
  const help: number[] = [];
  const nothing: number[] = [];
  for (let i = 0; i < TIMES; i++) {
    nothing.push(timeNode("-e", "0"));
    help.push(timeNode(join(APP, BUNDLE, "bin.js"), "--help"));
  }
  return { help: median(help), nothing: median(nothing) };
}

function timeNode(...args: string[]): number {
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`node ${args.join(" ")} ended with ${status}: ${stderr}`);
  return performance.now() - started;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
