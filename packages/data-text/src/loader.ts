import { type Loader, type LoadOptions, SecateurError } from "@secateur/kit";
import { decodeLine, type FileRow, LINE_LIMITS, readLines, rowDocuments } from "@secateur/kit/node";

/**
 * Reads plain text: each paragraph, a run of lines between blank ones, is a document of kind `text`, whose origin is its first line. Lines inside
 * a paragraph stay lines, joined by `\n`; a line of only white space is blank. A paragraph may be as long as a line may (64 MiB).
 * Throws SecateurError `usage` for fields or a template, since text has no columns.
 */
export const textLoader: Loader = {
  name: "text",
  summary: "plain text, one document a paragraph",
  extensions: [".txt"],
  async *load(source, options, report) {
    refuseColumns(source, options);
    const { rows } = options;
    yield* rowDocuments(readParagraphs(source), rows === undefined ? {} : { rows }, report);
  },
};

async function* readParagraphs(source: string): AsyncGenerator<FileRow, void, undefined> {
  let index = 0;
  let open: Paragraph | undefined;
  for await (const line of readLines(source)) {
    const text = decodeLine(line, source);
    if (text.trim() === "") {
      if (open !== undefined) yield rowOf(open, index++, source);
      open = undefined;
      continue;
    }
    open ??= { line: line.number, lines: [], bytes: 0 };
    open.lines.push(text);
    open.bytes += line.bytes.length + 1;
    if (open.bytes > LINE_LIMITS.lineBytes) throw tooLong(source, open.line);
  }
  if (open !== undefined) yield rowOf(open, index, source);
}

function rowOf({ line, lines }: Paragraph, index: number, source: string): FileRow {
  const text = lines.join("\n");
  return { index, origin: { source, line }, content: text, read: () => ({ text }) };
}

interface Paragraph {
  readonly line: number;
  readonly lines: string[];
  bytes: number;
}

function refuseColumns(source: string, options: LoadOptions): void {
  const given = [
    ...(options.template === undefined ? [] : ["template"]),
    ...(Object.keys(options.fields ?? {}).length === 0 ? [] : ["fields"]),
  ];
  if (given.length === 0) return;
  throw new SecateurError("usage", `${source}: plain text has no columns, so ${given.join(" and ")} cannot be used with it`, {
    where: { file: source },
  });
}

function tooLong(source: string, line: number): SecateurError {
  const limit = `${LINE_LIMITS.lineBytes / 2 ** 20} MiB`;
  return new SecateurError(
    "data",
    `${source}: the paragraph from line ${line} is longer than ${limit}, put blank lines between its documents`,
    {
      where: { file: source, line },
    },
  );
}
