import type { Loader, Origin } from "@secateur/kit";
import { decodeLine, LINE_LIMITS, type LineLimits, readLines, repeatDetector } from "@secateur/kit/node";
import type { Row } from "./columns.ts";
import { describeValue, excerpt, rowError } from "./errors.ts";
import { rowReader } from "./row.ts";

/** Reads JSON Lines: every line is an object, a row, whose keys or the template say what kind of document it is. */
export const jsonlLoader: Loader = createJsonlLoader();

/** As `jsonlLoader`, with limits of one's own. */
export function createJsonlLoader(limits: LineLimits = LINE_LIMITS): Loader {
  return {
    name: "jsonl",
    summary: "JSON Lines, one document a line",
    extensions: [".jsonl", ".ndjson", ".json"],
    async *load(source, options, report) {
      const read = rowReader(options);
      const repeats = repeatDetector();
      for await (const line of readLines(source, limits)) {
        const origin = { source, line: line.number };
        const text = decodeLine(line, source);
        const content = text.trim() === "" ? undefined : read(parseRow(text, origin), origin);
        report.rows++;
        if (content === undefined) {
          report.empty++;
          if (options.keepEmpty && text.trim() !== "") yield { kind: "text", text: "", origin };
          continue;
        }
        if (repeats(line.bytes)) report.duplicates++;
        yield { ...content, origin };
      }
    },
  };
}

function parseRow(text: string, origin: Origin): Row {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    // The parser's own message differs between versions of Node; it stays as the cause.
    throw rowError(origin, `not JSON, an object on one line was wanted, found ${excerpt(text)}`, cause);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Row;
  throw rowError(origin, `${describeValue(value)} was found, an object was wanted`);
}
