import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { SecateurError } from "@secateur/kit";
import { errorCode, ioError } from "@secateur/kit/node";
import type { Counts } from "./allocation.ts";
import { listFolder, UNFINISHED, writeWhole } from "./io.ts";
import { LOCK, lockFolder } from "./lock.ts";

/** What a journal remembers of an unfinished run. */
export interface Journal<Row> {
  /** What decides the bytes of the result, as a hash. */
  readonly key: string;
  /** One entry a finished section, in order. */
  readonly sections: readonly Row[];
  /** What an allocator has chosen: it takes a pass through the model to choose again. */
  readonly counts?: Counts | undefined;
}

const JOURNAL = "journal.json";
const MODEL = "model";
const REPLACED = "replaced";
const SCRATCH = "scratch";
const STATISTICS = "statistics.safetensors";

/** Where in a partial folder the output is made: beside the journal, so that no file of a model can be taken for it. */
export function modelFolder(partial: string): string {
  return join(partial, MODEL);
}

/** Where in a partial folder hidden states are that memory cannot hold. */
export function scratchFile(partial: string): string {
  return join(partial, SCRATCH);
}

/** Where in a partial folder the statistics of the dense model are, where scores are made of them; whole, or not there. */
export function statisticsFile(partial: string): string {
  return join(partial, STATISTICS);
}

/** Whether the statistics of the dense model are there. */
export async function hasStatistics(partial: string): Promise<boolean> {
  return (await listFolder(partial))?.includes(STATISTICS) ?? false;
}

/** Where in a partial folder the old output is while the new one takes its place. */
export function replacedFolder(partial: string): string {
  return join(partial, REPLACED);
}

/** A partial folder that this process works in. */
export interface PartialFolder<Row> extends Pick<Journal<Row>, "counts"> {
  /** What an earlier run has finished. */
  readonly sections: readonly Row[];
  /** Leaves the folder to another run. */
  unlock(): Promise<void>;
}

/**
 * Opens a partial folder for a run with this key, and gives what an earlier run of it has finished: nothing when there was none, or with `restart`.
 * Throws SecateurError `exists` when the folder was not left by an unfinished run (it stays untouched, whatever `restart` says), belongs to another, or
 * when another process works there.
 */
export async function openPartial<Row>(partial: string, key: string, restart: boolean): Promise<PartialFolder<Row>> {
  await checkPartial(partial);
  try {
    await mkdir(partial, { recursive: true });
  } catch (error) {
    throw ioError(error, "write", partial);
  }
  const unlock = await lockFolder(partial);
  try {
    return { ...(await takeUp<Row>(partial, key, restart)), unlock };
  } catch (error) {
    await unlock();
    throw error;
  }
}

/** Refuses a folder with anything in it that no run of ours leaves. */
async function checkPartial(partial: string): Promise<void> {
  const names = (await listFolder(partial)) ?? [];
  const journal = names.includes(JOURNAL) ? await readJournal(partial) : undefined;
  const known = [LOCK, JOURNAL, JOURNAL + UNFINISHED, ...(journal ? [MODEL, REPLACED, SCRATCH] : [])]; // the journal is there before all else
  const isKnown = (name: string): boolean => known.includes(name) || (journal !== undefined && name.startsWith(STATISTICS));
  if (names.some((name) => !isKnown(name)) || (names.includes(JOURNAL) && !journal)) {
    throw new SecateurError("exists", `${partial} is in the way: it was not left by an unfinished run`, { where: { file: partial } });
  }
}

/** What an earlier run has finished in a folder that is now this process's; otherwise the folder is made ready for a new run. */
async function takeUp<Row>(partial: string, key: string, restart: boolean): Promise<Omit<Journal<Row>, "key">> {
  const names = (await listFolder(partial)) ?? [];
  const journal = names.includes(JOURNAL) ? await readJournal<Row>(partial) : undefined;
  if (journal && !restart) {
    if (journal.key !== key) {
      throw new SecateurError(
        "exists",
        `${partial} holds an unfinished run of another recipe, model, data, plugin, provider or precision: finish that one, or give --restart to discard it`,
        { where: { file: partial } },
      );
    }
    if (journal.sections.length > 0 && names.includes(MODEL)) return { sections: journal.sections, counts: journal.counts };
  }
  try {
    const counts = journal && !restart ? journal.counts : undefined;
    if (!journal || restart) await rm(statisticsFile(partial), { force: true });
    await writeJournal(partial, { key, sections: [], counts });
    await rm(modelFolder(partial), { recursive: true, force: true });
  } catch (error) {
    throw ioError(error, "write", partial);
  }
  return { sections: [], counts: journal && !restart ? journal.counts : undefined };
}

/** Replaces the journal of a partial folder. */
export async function writeJournal<Row>(partial: string, journal: Journal<Row>): Promise<void> {
  await writeWhole(join(partial, JOURNAL), `${JSON.stringify(journal)}\n`);
}

/** The journal, or undefined for a file that is none. */
async function readJournal<Row>(partial: string): Promise<Journal<Row> | undefined> {
  const file = join(partial, JOURNAL);
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (errorCode(error) === "EISDIR") return "";
    throw ioError(error, "read", file);
  });
  try {
    const { key, sections, counts } = JSON.parse(text) as Partial<Journal<Row>>; // what has this form was written by this package, and whole
    return typeof key === "string" && key.startsWith("sha256:") && Array.isArray(sections) ? { key, sections, counts } : undefined;
  } catch {
    return undefined;
  }
}
