import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "vitest";
import { enginePid, groupLives, type Running, run, start, workFolder } from "./run-cli.ts";

// The reference backend is slow enough that a run of this many tokens is still at work when its first block has been told.
const ARGS = ["prune", "llama", "--general", "long.jsonl", "--sparsity", "0.5", "--backend", "reference", "--samples", "24"];
const KEPT = "out.partial is kept: the same command goes on from there, with --restart it begins anew";

function longFolder(context: TestContext): string {
  const folder = workFolder(context);
  const row = (r: number): string => JSON.stringify({ input_ids: Array.from({ length: 128 }, (_, t) => (r * 31 + t * t) % 96) });
  writeFileSync(join(folder, "long.jsonl"), Array.from({ length: 24 }, (_, r) => `${row(r)}\n`).join(""));
  return folder;
}

async function startAndReachTheSecondBlock(folder: string): Promise<Running> {
  const command = start(folder, [...ARGS, "--out", "out"]);
  await command.says("block 1 of 3: 50.0 % zero");
  return command;
}

/** Name → content of a folder's files, less the one that tells of the run. */
function contents(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => name !== "run.json");
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), "base64")]));
}

describe.concurrent("a run that is cut short", () => {
  async function checkStopped(context: TestContext, folder: string, command: Running): Promise<void> {
    const { code, out, err } = await command.ended;
    context.expect(code).toBe(130);
    context.expect(out).toBe("");
    context.expect(err.endsWith(`interrupted\n  ${KEPT}\n`)).toBe(true);
    context.expect(groupLives(command)).toBe(false);
    context.expect(readdirSync(folder).sort()).toEqual(["llama", "long.jsonl", "out.partial"]);
  }

  test("Ctrl-C: no output, no process, and the same command gives the same bytes", async (context) => {
    const folder = longFolder(context);
    const other = longFolder(context);
    const whole = run(other, ...ARGS, "--out", "out");
    const command = await startAndReachTheSecondBlock(folder);
    process.kill(-(command.process.pid as number), "SIGINT"); // as a terminal does, to the whole group
    await checkStopped(context, folder, command);

    const again = await run(folder, ...ARGS, "--out", "out");
    context.expect(again.code).toBe(0);
    context.expect(again.err).toContain("block 1 of 3: already done\n");
    context.expect((await whole).code).toBe(0);
    context.expect(contents(join(folder, "out"))).toEqual(contents(join(other, "out")));
  });

  test("SIGTERM is heeded alike", async (context) => {
    const folder = longFolder(context);
    const command = await startAndReachTheSecondBlock(folder);
    command.process.kill("SIGTERM");
    await checkStopped(context, folder, command);
  });

  test("a dead engine process is an error, and its work is kept", async (context) => {
    const folder = longFolder(context);
    const command = await startAndReachTheSecondBlock(folder);
    process.kill(enginePid(command), "SIGKILL");
    const { code, err } = await command.ended;
    context.expect(code).toBe(1);
    context.expect(err).toContain("error: the engine process died (signal SIGKILL)\n");
    context.expect(err).toContain(KEPT);
    context.expect(groupLives(command)).toBe(false);
    context.expect(existsSync(join(folder, "out"))).toBe(false);
  });

  test("the engine process ends when the command is killed", async (context) => {
    const command = await startAndReachTheSecondBlock(longFolder(context));
    command.process.kill("SIGKILL");
    // Standard error closes only when the engine process, which writes to it as well, has ended too.
    context.expect((await command.ended).signal).toBe("SIGKILL");
  });
});
