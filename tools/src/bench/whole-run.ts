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

/** Prunes a folder made by `writeRandomModel` for its two roles at 50 % with Wanda, by the real command, and reads what the run says of itself. */
export async function measureWholeRun(model: string, out: string, rows: number, tokens: number): Promise<WholeRun> {
  const args = ["prune", model, "--out", out, "--general", join(model, "general.jsonl"), "--task", join(model, "task.jsonl")];
  const settings = ["--sparsity", "0.5", "--samples", String(rows), "--seq-len", String(tokens), "--restart", "--force"];
  const child = spawn(process.execPath, ["--conditions", "source", "--import", "tsx", command, ...args, ...settings], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`secateur prune ended with ${code}`);
  const run = JSON.parse(await readFile(join(out, "run.json"), "utf8"));
  await rm(out, { recursive: true });
  return { milliseconds: run.milliseconds, peakMemoryBytes: run.peakMemoryBytes };
}
