import { readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { SecateurError } from "@secateur/kit";
import { errorCode, ioError } from "@secateur/kit/node";

/** The file in a partial folder that says which process works there. */
export const LOCK = "lock.json";

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, in seconds of a clock that nobody sets: in a container every run may have the same number. */
  readonly began?: number;
}

/**
 * Takes a folder for this process, and gives what hands it back. A lock whose process is gone was left by a killed run and is taken over; one of another
 * machine counts as held. Throws SecateurError `exists` when another run is at work there.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const file = join(folder, LOCK);
  const own: Required<Holder> = { pid: process.pid, host: hostname(), began: beganAt() };
  for (;;) {
    try {
      await writeFile(file, JSON.stringify(own), { flag: "wx" });
      return () => rm(file, { force: true });
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw ioError(error, "write", file);
    }
    const holder = await readHolder(file);
    if (holder && (holder.host !== own.host || isAlive(holder, own))) {
      const who = holder.host === own.host ? `process ${holder.pid}` : `process ${holder.pid} on ${holder.host}`;
      throw new SecateurError("exists", `another run (${who}) is at work in ${folder}: wait for it, or give another --out`, {
        where: { file: folder },
      });
    }
    await rm(file, { force: true });
  }
}

// Two clocks are read one after the other.
const ROUNDING_SECONDS = 0.5;

function beganAt(): number {
  return Number(process.hrtime.bigint()) / 1e9 - process.uptime();
}

/** Who holds a lock; undefined for a file that a killed process did not finish. */
async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Holder; // written above alone
  } catch {
    return undefined;
  }
}

/** Whether the process that took a lock is there, or another one that has its number now; one that belongs to somebody else is. */
function isAlive({ pid, began }: Holder, own: Required<Holder>): boolean {
  if (pid === own.pid && began !== undefined) return Math.abs(began - own.began) < ROUNDING_SECONDS;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}
