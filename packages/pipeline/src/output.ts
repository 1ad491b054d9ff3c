import { mkdir, open, readdir, readFile, realpath, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { SecateurError } from "@secateur/kit";

/** Where a run works until its output is whole. */
export function partialFolder(out: string): string {
  return `${out.replace(/[/\\]+$/, "")}.partial`;
}

/** Refuses an output that would destroy something: the input itself, through whatever links, or a folder that is not empty without `force`. */
export async function checkOutput(out: string, model: string, force: boolean): Promise<void> {
  const [target, source] = await Promise.all([canonical(out), canonical(model)]);
  if (target === source || source.startsWith(`${target}/`)) {
    throw new SecateurError(
      "usage",
      `--out ${out} is ${target === source ? "the model's own folder" : "a folder that holds the model"}: give another`,
      { where: { file: out } },
    );
  }
  const entries = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new SecateurError("exists", `--out ${out} is not a folder`, { where: { file: out }, cause: error });
  });
  if (entries.length > 0 && !force)
    throw new SecateurError("exists", `--out ${out} exists and is not empty: give another, or --force to replace it`, {
      where: { file: out },
    });
}

/** The real path of a place that need not exist: links of the part that does are followed. */
async function canonical(path: string): Promise<string> {
  const full = resolve(path);
  try {
    return await realpath(full);
  } catch {
    return dirname(full) === full ? full : join(await canonical(dirname(full)), basename(full));
  }
}

/** Gives a finished partial folder its final name; what stood there goes only once the new folder is in place. */
export async function publish(partial: string, out: string): Promise<void> {
  const old = `${out.replace(/[/\\]+$/, "")}.replaced`;
  await rm(old, { recursive: true, force: true });
  let replaced = true;
  await rename(out, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    replaced = false;
  });
  await mkdir(dirname(resolve(out)), { recursive: true });
  await rename(partial, out);
  if (replaced) await rm(old, { recursive: true, force: true });
}

/** Writes a small text file so that it is there whole or not at all, even when the power fails. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  await writeFile(temporary, text);
  const file = await open(temporary, "r+");
  await file.sync();
  await file.close();
  await rename(temporary, path);
}

/** What a journal remembers of an interrupted run. */
export interface Journal<Row> {
  readonly key: string;
  /** One entry a finished section, in order. */
  readonly sections: readonly Row[];
}

const JOURNAL = "journal.json";

/** The journal in a partial folder; undefined when there is none. Throws SecateurError `exists` when it belongs to another recipe. */
export async function readJournal<Row>(partial: string, key: string): Promise<Journal<Row> | undefined> {
  const text = await readFile(join(partial, JOURNAL), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const journal = JSON.parse(text) as Journal<Row>; // written by this package alone, and whole
  if (journal.key !== key) {
    throw new SecateurError(
      "exists",
      `${partial} holds an unfinished run of another recipe, model or data: finish that one, or give --restart to discard it`,
      { where: { file: partial } },
    );
  }
  return journal;
}

/** Replaces the journal of a partial folder. */
export async function writeJournal<Row>(partial: string, journal: Journal<Row>): Promise<void> {
  await writeWhole(join(partial, JOURNAL), `${JSON.stringify(journal)}\n`);
}

/** Starts a partial folder afresh with this journal. Throws SecateurError `exists` when it holds files but no journal: it is not an unfinished run. */
export async function clearPartial<Row>(partial: string, journal: Journal<Row>): Promise<void> {
  const entries: string[] = await readdir(partial).catch(() => []);
  if (entries.length > 0 && !entries.includes(JOURNAL)) {
    throw new SecateurError("exists", `${partial} is in the way: it was not left by an unfinished run`, { where: { file: partial } });
  }
  for (const entry of entries) if (entry !== JOURNAL) await rm(join(partial, entry), { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  await writeJournal(partial, journal);
}

/** Takes the journal away: the run is finished. */
export async function removeJournal(partial: string): Promise<void> {
  await rm(join(partial, JOURNAL), { force: true });
}
