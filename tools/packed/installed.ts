import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";

/** What a finished command left. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** How a command is run. */
export interface RunOptions {
  readonly cwd: string;
  /** Variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Once this is on standard error, the whole process group is sent SIGINT, as a terminal does on Ctrl-C. */
  readonly interruptAt?: string;
}

/** Runs a program to its end, without what the package manager that started this process tells its scripts. */
export function runProgram(file: string, args: readonly string[], { cwd, env = {}, interruptAt }: RunOptions): Promise<Ended> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:npm_(?!config_registry)|VITEST|NODE_OPTIONS|NODE_ENV|SECATEUR_)/.test(name),
  );
  const child = spawn(file, args, {
    cwd,
    env: { ...Object.fromEntries(inherited), NO_COLOR: "1", ...env },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err, interrupted] = ["", "", false];
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk) => {
    err += chunk;
    if (interruptAt === undefined || interrupted || !err.includes(interruptAt)) return;
    interrupted = true;
    process.kill(-(child.pid as number), "SIGINT"); // it has a pid, for it writes
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
  });
}

/** npm, as a user runs it in a folder; programs in `first` are found before all others. Throws an Error with what it printed when it fails. */
export async function npm(cwd: string, args: readonly string[], first?: string): Promise<void> {
  mkdirSync(cwd, { recursive: true });
  const quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--prefer-offline"];
  const env = first === undefined ? {} : { PATH: [first, process.env.PATH].join(delimiter) };
  const { code, out, err } = await runProgram("npm", [...args, ...quiet], { cwd, env });
  if (code !== 0) throw new Error(`npm ${args.join(" ")} ended with ${code}:\n${out}${err}`);
}

/** A package that npm has installed globally under a prefix, and its command of that name. */
export function globalPackage(prefix: string, name: string): { readonly folder: string; readonly command: string } {
  return { folder: join(prefix, "lib", "node_modules", name), command: join(prefix, "bin", name) };
}
