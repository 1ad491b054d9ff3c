import { isUtf8 } from "node:buffer";
import { pipeline, Readable } from "node:stream";
import { errorAt, type SecateurError } from "@secateur/kit";
import { decodeLine, type LineLimits, readLines } from "@secateur/kit/node";
import { CsvError, parse } from "csv-parse";

/** One record of a table: its fields, and the 1-based line that it begins in. */
export interface TableRecord {
  readonly fields: readonly string[];
  readonly line: number;
}

/**
 * The records of a table, read as they are asked for: memory holds one record and one chunk. A field in double quotes may hold delimiters, line ends (read as
 * `\n`) and, doubled, quotes; blank lines are no records. Throws SecateurError `data` for quotes that do not pair, for a record or an unpacked size past its limit
 * and for bytes that are not UTF-8, and what `readLines` throws.
 */
export async function* readRecords(source: string, delimiter: string, limits: LineLimits): AsyncGenerator<TableRecord, void, undefined> {
  let found = { lines: 0, empty_lines: 0 }; // up to the last record that the parser has found, which is ahead of what has been taken
  const parser = parse({
    delimiter,
    record_delimiter: "\n",
    relax_column_count: true, // the loader knows better what to say
    skip_empty_lines: true,
    max_record_size: limits.lineBytes,
    info: true,
    on_record: (fields, { lines, empty_lines }) => {
      found = { lines, empty_lines };
      return fields;
    },
  });
  // An error on either side ends both streams and comes out of the loop below; so does leaving the loop.
  pipeline(Readable.from(chunks(source, limits)), parser, () => {});
  try {
    for await (const { record, info } of parser as AsyncIterable<ParsedRecord>) {
      yield { fields: record, line: info.lines - record.reduce((count, field) => count + newlines(field), 0) };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw refusal(error, source, found.lines + 1 + parser.info.empty_lines - found.empty_lines, limits);
  }
}

interface ParsedRecord {
  readonly record: readonly string[];
  /** Lines up to the record's last one, with it. */
  readonly info: { readonly lines: number };
}

/** The lines of a file, many at a time, for each piece costs the parser more than a short line does. */
async function* chunks(source: string, limits: LineLimits): AsyncGenerator<Uint8Array, void, undefined> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const line of readLines(source, limits)) {
    if (!isUtf8(line.bytes)) decodeLine(line, source); // throws, and says where
    parts.push(line.bytes, NEWLINE);
    bytes += line.bytes.length + 1;
    if (bytes < CHUNK_BYTES) continue;
    yield Buffer.concat(parts, bytes);
    parts = [];
    bytes = 0;
  }
  yield Buffer.concat(parts, bytes);
}

const NEWLINE = Uint8Array.of(0x0a);
const CHUNK_BYTES = 64 * 1024;

function newlines(field: string): number {
  let count = 0;
  for (let at = field.indexOf("\n"); at >= 0; at = field.indexOf("\n", at + 1)) count++;
  return count;
}

/** What the parser's complaint means; a record that never ends begins after the last whole one. */
function refusal(error: CsvError, source: string, next: number, { lineBytes }: LineLimits): SecateurError {
  const at = (line: number, what: string): SecateurError => errorAt("data", { source, line }, what, error);
  const line = typeof error.lines === "number" ? error.lines : next;
  switch (error.code) {
    case "CSV_QUOTE_NOT_CLOSED":
      return at(next, "a quote of the record that begins here is never closed");
    case "CSV_MAX_RECORD_SIZE":
      return at(
        next,
        `the record that begins here has more than ${lineBytes / 2 ** 20} MiB, the most that one may have: is a quote left open?`,
      );
    case "INVALID_OPENING_QUOTE":
      return at(line, 'a quote inside of a field without quotes around it: write "" for it, and quotes around the field');
    case "CSV_INVALID_CLOSING_QUOTE":
      return at(line, 'text after the closing quote of a field: write "" for a quote inside of one');
    default:
      return at(line, `not a table of separated values (${error.message})`);
  }
}
