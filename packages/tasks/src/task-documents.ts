import type { Document, Loader, LoadOptions, LoadReport } from "@secateur/kit";
import { readDocuments } from "@secateur/kit/node";
import { promptsAfter } from "./few-shot.ts";
import { findTemplate } from "./find.ts";

/** A data source, and how its rows are read. */
export interface TaskSource {
  readonly source: string;
  /** Standard key → the column that holds it. */
  readonly fields?: Readonly<Record<string, string>> | undefined;
  /** What `findTemplate` finds. */
  readonly template?: string | undefined;
}

/** What documents are read for. */
export type DataPurpose = "calibrate" | "evaluate";

/** What documents are read with. */
export interface TaskDocumentsContext {
  readonly loaders: readonly Loader[];
  /** Counts the source's rows, without those that examples come from. */
  readonly report: LoadReport;
  /** As a loader's. */
  readonly keepEmpty?: boolean | undefined;
}

/**
 * The documents of a source: of a task template's rows those that are for the purpose, with its examples before each prompt. Throws what `findTemplate` and the
 * source's loader throw, SecateurError `usage` for a file whose name does not say where its examples are, and `data` for too few of them.
 */
export async function* taskDocuments(
  { source, fields, template }: TaskSource,
  purpose: DataPurpose,
  { loaders, report, keepEmpty = false }: TaskDocumentsContext,
): AsyncGenerator<Document, void, undefined> {
  const found = template === undefined ? undefined : await findTemplate(template);
  const reading: LoadOptions = { keepEmpty, ...(fields && { fields }) };
  if (typeof found !== "object") {
    yield* readDocuments(loaders, source, { ...reading, ...(found !== undefined && { template: found }) }, report);
    return;
  }
  const { name: _, summary: __, rows, fewShot, ...row } = found;
  const range = rows?.[purpose];
  const documents = readDocuments(loaders, source, { ...reading, template: row, ...(range && { rows: range }) }, report);
  yield* fewShot === undefined ? documents : promptsAfter(fewShot, { source, template: row, loaders }, documents);
}
