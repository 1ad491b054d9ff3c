import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What one run of the command took. */
export interface WholeRun {
  /** Phase → milliseconds. */
  readonly milliseconds: Readonly<Record<string, number>>;
  readonly peakMemoryBytes: number;
}

const command = fileURLToPath(new URL("../../../apps/cli/src/bin.ts", import.meta.url));

/** Runs a command of the program, such as `["prune", …]`, whose output is a model, and reads what the run says of itself. */
export async function measureCommand(args: readonly string[], out: string): Promise<WholeRun> {
  const child = spawn(process.execPath, ["--conditions", "source", "--import", "tsx", command, ...args, "--out", out, "--force"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`secateur ${args[0]} ended with ${code}`);
  const run = JSON.parse(await readFile(join(out, "run.json"), "utf8"));
  await rm(out, { recursive: true });
  return { milliseconds: run.milliseconds, peakMemoryBytes: run.peakMemoryBytes };
}

/** Prunes a folder made by `writeRandomModel` for its two roles at 50 %. */
export function measureWholeRun(model: string, out: string, tokens: number, ...settings: string[]): Promise<WholeRun> {
  const data = ["--general", join(model, "general.jsonl"), "--task", join(model, "task.jsonl"), "--seq-len", String(tokens)];
  return measureCommand(["prune", model, ...data, "--sparsity", "0.5", ...settings], out);
}

/** All phases of a run together, in milliseconds. */
export function total({ milliseconds }: WholeRun): number {
  return Object.values(milliseconds).reduce((sum, part) => sum + part, 0);
}
