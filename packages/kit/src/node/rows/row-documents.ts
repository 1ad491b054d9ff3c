import type { Document, LoadOptions, LoadReport, Origin } from "../../document.ts";
import { repeatDetector } from "../lines.ts";
import type { Row } from "./columns.ts";
import { rowReader } from "./row-reader.ts";

/** A row of a file, as a loader finds it. */
export interface FileRow {
  /** Its place among the source's rows, from 0. */
  readonly index: number;
  readonly origin: Origin;
  /** The source's columns, where a row is given fewer than there are. */
  readonly columns?: readonly string[];
  /** What tells it from other rows. */
  readonly content: Uint8Array | string;
  /** Its columns; undefined where it is blank. Throws SecateurError `data` for what is no row. */
  read(): Row | undefined;
}

/**
 * The documents of a file's rows, in rising order, by `rowReader`: what is left to a loader of rows is to find them. Those outside of the range asked for are
 * not read, and after its end no row is asked for. Rows without content are counted in `report` and skipped,
 * but for those with an empty text where `keepEmpty` is set. Throws SecateurError `usage` for options that fit no row, `data` for a row that does not fit.
 */
export async function* rowDocuments(
  rows: AsyncIterable<FileRow>,
  options: LoadOptions,
  report: LoadReport,
): AsyncGenerator<Document, void, undefined> {
  const read = rowReader(options);
  const repeats = repeatDetector();
  const { from = 0, to = Number.POSITIVE_INFINITY } = options.rows ?? {};
  if (from >= to) return;
  for await (const { index, origin, columns, content, read: cells } of rows) {
    if (index < from) continue;
    if (index >= to) return;
    const row = cells();
    const found = row === undefined ? undefined : read(row, origin, columns);
    report.rows++;
    if (found !== undefined) {
      if (repeats(content)) report.duplicates++;
      yield { ...found, origin };
      continue;
    }
    report.empty++;
    if (row !== undefined && options.keepEmpty) yield { kind: "text", text: "", origin };
  }
}
