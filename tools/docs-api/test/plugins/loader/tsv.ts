import { errorAt, type Loader, type Origin } from "@secateur/kit";
import { decodeLine, type FileRow, type Row, readLines, rowDocuments } from "@secateur/kit/node";

const tsv: Loader = {
  name: "tsv",
  summary: "prompt and answer, parted by a tab, one document a line",
  extensions: [".tsv"],
  load: (source, options, report) => rowDocuments(rows(source), options, report),
};

export default tsv;

async function* rows(source: string): AsyncGenerator<FileRow> {
  for await (const line of readLines(source)) {
    const origin = { source, line: line.number };
    const text = decodeLine(line, source);
    yield { index: line.number - 1, origin, content: line.bytes, read: () => (text.trim() === "" ? undefined : row(text, origin)) };
  }
}

function row(text: string, origin: Origin): Row {
  const [prompt, answer, ...more] = text.split("\t");
  if (answer !== undefined && more.length === 0) return { prompt, answer };
  throw errorAt("data", origin, `${1 + (text.match(/\t/g)?.length ?? 0)} columns, wanted 2`);
}
