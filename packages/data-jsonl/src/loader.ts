import { errorAt, type Loader, type Origin } from "@secateur/kit";
import {
  decodeLine,
  describeValue,
  excerpt,
  type FileRow,
  LINE_LIMITS,
  type LineLimits,
  type Row,
  readLines,
  rowDocuments,
} from "@secateur/kit/node";

/** Reads JSON Lines: every line is an object, a row, whose keys or the template say what kind of document it is. */
export const jsonlLoader: Loader = createJsonlLoader();

/** As `jsonlLoader`, with limits of one's own. */
export function createJsonlLoader(limits: LineLimits = LINE_LIMITS): Loader {
  return {
    name: "jsonl",
    summary: "JSON Lines, one document a line",
    extensions: [".jsonl", ".ndjson", ".json"],
    load: (source, options, report) => rowDocuments(readRows(source, limits), options, report),
  };
}

async function* readRows(source: string, limits: LineLimits): AsyncGenerator<FileRow, void, undefined> {
  for await (const line of readLines(source, limits)) {
    const origin = { source, line: line.number };
    const text = decodeLine(line, source);
    yield { index: line.number - 1, origin, content: line.bytes, read: () => (text.trim() === "" ? undefined : parseRow(text, origin)) };
  }
}

function parseRow(text: string, origin: Origin): Row {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    // The parser's own message differs between versions of Node; it stays as the cause.
    throw errorAt("data", origin, `not JSON, an object on one line was wanted, found ${excerpt(text)}`, cause);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Row;
  throw errorAt("data", origin, `${describeValue(value)} was found, an object was wanted`);
}
