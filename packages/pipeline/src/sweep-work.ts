import { mkdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { SecateurError } from "@secateur/kit";
import { errorCode, ioError } from "@secateur/kit/node";
import { listFolder } from "./io.ts";
import { LOCK, lockFolder } from "./lock.ts";
import { partialFolder } from "./output.ts";

const MODEL = "model";

/** Where a sweep makes its models, one after another: a folder in one beside its results. */
export function sweepModel(out: string): string {
  return join(workFolder(out), MODEL);
}

/** Refuses a folder with anything in it that no sweep leaves. Throws SecateurError `exists`. */
export async function checkSweepWork(out: string): Promise<void> {
  const work = workFolder(out);
  const known = [LOCK, MODEL, partialFolder(MODEL)];
  const other = (await listFolder(work))?.find((name) => !known.includes(name));
  if (other === undefined) return;
  const message = `${work} is in the way: it holds ${other}, which no sweep leaves there: move it, or give another --out`;
  throw new SecateurError("exists", message, { where: { file: work } });
}

/** Takes the folder for this process, and gives what removes it again. Throws SecateurError `exists` when another sweep is at work there, `io`. */
export async function claimSweepWork(out: string): Promise<() => Promise<void>> {
  const work = workFolder(out);
  await checkSweepWork(out);
  await mkdir(work, { recursive: true }).catch((error: unknown) => {
    throw ioError(error, "write", work);
  });
  const unlock = await lockFolder(work);
  return async () => {
    const model = sweepModel(out);
    for (const folder of [model, partialFolder(model)]) await rm(folder, { recursive: true, force: true });
    await unlock();
    await rmdir(work).catch((error: unknown) => {
      if (errorCode(error) !== "ENOTEMPTY") throw ioError(error, "remove", work); // what came there in the meantime is not the sweep's
    });
  };
}

function workFolder(out: string): string {
  return `${out}.work`;
}
