import { mkdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { SecateurError } from "@secateur/kit";
import { errorCode, ioError } from "@secateur/kit/node";
import { listFolder } from "./io.ts";
import { LOCK, lockFolder } from "./lock.ts";

/** Refuses a work folder with anything in it but files of the `known` names. Throws SecateurError `exists`. */
async function checkWork(folder: string, known: readonly string[]): Promise<void> {
  const other = (await listFolder(folder))?.find((name) => name !== LOCK && !known.includes(name));
  if (other === undefined) return;
  const message = `${folder} is in the way: it holds ${other}, which no such run leaves there: move it, or give another --out`;
  throw new SecateurError("exists", message, { where: { file: folder } });
}

/** A work folder that is this process's. */
export interface Work {
  /** Hands it back: with `finished` its files go, and the folder; else what is in it stays, for the next run to go on with. */
  release(finished: boolean): Promise<void>;
}

/** Takes a folder for files of the `known` names, and makes it where it is not there. Throws SecateurError `exists` when another run is at work there or it holds anything else, `io`. */
export async function claimWork(folder: string, known: readonly string[]): Promise<Work> {
  await checkWork(folder, known);
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw ioError(error, "write", folder);
  });
  const unlock = await lockFolder(folder);
  return {
    async release(finished) {
      if (finished) for (const name of known) await rm(join(folder, name), { force: true });
      await unlock();
      await rmdir(folder).catch((error: unknown) => {
        if (errorCode(error) !== "ENOTEMPTY") throw ioError(error, "remove", folder); // what stays there is another run's, or the next one's
      });
    },
  };
}
