import { errorAt, type Loader, type LoadOptions } from "@secateur/kit";
import { type FileRow, LINE_LIMITS, type LineLimits, listNames, namedColumns, rowDocuments } from "@secateur/kit/node";
import { readRecords, type TableRecord } from "./records.ts";

/**
 * Reads tables of comma-separated values, or tab-separated ones in files whose name says so: every record is a row, whose columns or the template say what kind of
 * document it is. The first record names the columns, unless a template says what they are called and it does not begin with the first of those names, or the
 * options name columns by number alone (`{1}`, `{2}`) and it does not name those.
 */
export const csvLoader: Loader = createCsvLoader();

/** As `csvLoader`, with limits of one's own. A record may have as many bytes as a line. */
export function createCsvLoader(limits: LineLimits = LINE_LIMITS): Loader {
  return {
    name: "csv",
    summary: "comma- or tab-separated values, one document a row",
    extensions: [".csv", ".tsv"],
    load: (source, options, report) => rowDocuments(readRows(source, options, limits), options, report),
  };
}

async function* readRows(source: string, options: LoadOptions, limits: LineLimits): AsyncGenerator<FileRow, void, undefined> {
  let header: Header | undefined;
  let index = 0;
  for await (const record of readRecords(source, /\.tsv(\.gz)?$/i.test(source) ? "\t" : ",", limits)) {
    if (header === undefined) {
      header = headerOf(record, options, source);
      if (header.named) continue;
    }
    yield rowOf(record, header, index++, source);
  }
}

/** The columns' names, and where they come from. */
interface Header {
  readonly names: readonly string[];
  /** Why there are as many, for messages. */
  readonly why: string;
  /** The record names the columns; without it they have numbers. */
  readonly named: boolean;
}

function headerOf({ fields, line }: TableRecord, options: LoadOptions, source: string): Header {
  const given = typeof options.template === "object" ? options.template.columns : undefined;
  if (given !== undefined && fields[0] !== given[0]) return { names: given, why: "by the template", named: false };
  const asked = namedColumns(options);
  const byNumber = asked.length > 0 && asked.every((name) => /^[1-9]\d*$/.test(name) && !fields.includes(name));
  if (byNumber) return { names: fields.map((_, i) => `${i + 1}`), why: `as in line ${line}`, named: false };
  const repeated = fields.find((name, i) => name !== "" && fields.indexOf(name) !== i);
  if (repeated !== undefined) {
    const what = `two columns are called ${listNames([repeated])}`;
    throw errorAt("data", { source, line }, `${what}; a table without a header row is read by numbers, as in --template '{1}|||{2}'`);
  }
  return { names: fields, why: `as in line ${line}`, named: true };
}

function rowOf({ fields, line }: TableRecord, { names, why }: Header, index: number, source: string): FileRow {
  const origin = { source, line };
  const read = (): Readonly<Record<string, string>> => {
    if (fields.length === names.length) return Object.fromEntries(fields.map((field, i) => [names[i], field]));
    const counted = `${fields.length} column${fields.length === 1 ? "" : "s"}`;
    throw errorAt("data", origin, `${counted}, wanted ${names.length} ${why}: ${listNames(names)}`);
  };
  return { index, origin, content: JSON.stringify(fields), read };
}
