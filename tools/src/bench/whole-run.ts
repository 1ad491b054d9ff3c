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

// As it is installed: built, without a loader.
const command = fileURLToPath(new URL("../../../apps/cli/dist/bin.js", import.meta.url));

/** Runs a command of the program, such as `["prune", …]`, and gives the milliseconds from its start to its end. */
export async function timeCommand(...args: string[]): Promise<number> {
  const start = performance.now();
  const child = spawn(process.execPath, [command, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`secateur ${args[0]} ended with ${code}`);
  return performance.now() - start;
}

/** Prunes a folder made by `writeRandomModel` for its two roles at 50 %, on a provider. */
export async function measureWholeRun(
  model: string,
  out: string,
  tokens: number,
  provider: string,
  ...settings: string[]
): Promise<WholeRun> {
  await timeCommand(
    "prune",
    model,
    ...dataOf(model, tokens),
    "--sparsity",
    "0.5",
    "--out",
    out,
    "--backend-option",
    `provider=${provider}`,
    ...settings,
  );
  const { milliseconds, peakMemoryBytes } = JSON.parse(await readFile(join(out, "run.json"), "utf8"));
  await rm(out, { recursive: true });
  return { milliseconds, peakMemoryBytes };
}

/** The flags that name a folder's data of two roles. */
export function dataOf(model: string, tokens: number): string[] {
  return ["--general", join(model, "general.jsonl"), "--task", join(model, "task.jsonl"), "--seq-len", String(tokens)];
}

/** All phases of a run together, in milliseconds. */
export function total({ milliseconds }: WholeRun): number {
  return Object.values(milliseconds).reduce((sum, part) => sum + part, 0);
}
