import { execFile } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OnnxRuntimeError } from "../src/index.ts";

/** The code and the message of the error that something fails with. */
export async function failureOf(work: () => unknown): Promise<[code: string, message: string]> {
  try {
    await work();
  } catch (error) {
    if (error instanceof OnnxRuntimeError) return [error.code, error.message];
    throw error;
  }
  throw new Error("nothing failed");
}

export function newFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "secateur-plugin-"));
}

/** What a program printed and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly err: string;
}

/** Runs one of the programs beside the tests in a process of its own. */
export function runProgram(file: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const tsx = import.meta.resolve("tsx");
  const program = join(import.meta.dirname, "programs", file);
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, maxBuffer: 2 ** 24, timeout: 100_000 };
    execFile(process.execPath, ["--expose-gc", "--import", tsx, "--conditions=source", program, ...args], options, (error, out, err) => {
      const { code = null, signal = null } = (error ?? { code: 0 }) as { code?: number | null; signal?: string | null };
      resolve({ code, signal, out, err });
    });
  });
}
