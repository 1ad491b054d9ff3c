import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestContext } from "vitest";

const BIN = fileURLToPath(new URL("../dist/bin.js", import.meta.url));
const FIXTURES = fileURLToPath(new URL("./fixtures", import.meta.url));

/** What a finished command left. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** A command that runs. */
export interface Running {
  readonly process: ChildProcess;
  /** Resolves once this text is on standard error. */
  says(text: string): Promise<void>;
  /** Resolves once the command has ended and so has every process that writes to its standard error. */
  readonly ended: Promise<Ended>;
}

/** A folder with the fixtures in it, gone when the test is over. */
export function workFolder({ onTestFinished }: Pick<TestContext, "onTestFinished">): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "secateur-cli-")));
  cpSync(FIXTURES, folder, { recursive: true });
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts the real command in a folder, at the head of a process group of its own. */
export function start(cwd: string, args: readonly string[], variables: Readonly<Record<string, string>> = {}): Running {
  const { SECATEUR_DEBUG: _debug, ...env } = process.env;
  const command = spawn(process.execPath, [BIN, ...args], {
    cwd,
    env: { ...env, NO_COLOR: "1", ...variables },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  const waiting: { text: string; resolve: () => void }[] = [];
  command.stdout.setEncoding("utf8").on("data", (chunk) => {
    out += chunk;
  });
  command.stderr.setEncoding("utf8").on("data", (chunk) => {
    err += chunk;
    for (const { text, resolve } of waiting) if (err.includes(text)) resolve();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    command.on("error", reject);
    command.on("close", (code, signal) => resolve({ code, signal, out, err }));
  });
  return {
    process: command,
    ended,
    says: (text) =>
      Promise.race([
        new Promise<void>((resolve) => (err.includes(text) ? resolve() : waiting.push({ text, resolve }))),
        ended.then(() => Promise.reject(new Error(`the command ended without saying "${text}": ${err}`))),
      ]),
  };
}

/** Runs the real command to its end. */
export function run(cwd: string, ...args: readonly string[]): Promise<Ended> {
  return start(cwd, args).ended;
}

/** The engine process of a running command. */
export function enginePid(command: Running): number {
  const table = execFileSync("ps", ["-A", "-o", "pid=,ppid=,args="], { encoding: "utf8" });
  const line = table.split("\n").find((row) => new RegExp(`^\\s*\\d+\\s+${command.process.pid}\\s.*child\\.[tj]s`).test(row));
  if (line === undefined) throw new Error("the command has no engine process");
  return Number.parseInt(line, 10);
}

/** Whether any process of a command's group is still there. */
export function groupLives(command: Running): boolean {
  try {
    return process.kill(-(command.process.pid as number), 0);
  } catch {
    return false;
  }
}
