import type { Template } from "./template.ts";

/** A loader: tables of tab-separated values. */
export const loader: Template = {
  prefix: "data",
  does: "Loads tables of tab-separated values, whose first line names the columns: a document a row.",
  dependencies: [],
  node: true,
  usage: (_, packageName) => `\`\`\`ts
import loader from "${packageName}";

const report = { rows: 0, empty: 0, duplicates: 0 };
for await (const document of loader.load("table.tsv", { fields: { text: "body" } }, report)) console.log(document);
\`\`\`

\`planPrune\` and \`planCalibration\` of \`@secateur/pipeline\` take it in \`loaders\`. The command line has its own loaders and takes no others.
`,
  files: (name) => ({
    "src/index.ts": source(name),
    "test/index.test.ts": test(),
    "test/good.tsv": "text\tyear\nFirst row\t1851\nSecond row\t1922\nFirst row\t1851\n\t1900\n",
    "test/bad.tsv": "text\tyear\nFirst row\t1851\nOne column too many\t1922\tx\n",
  }),
};

function source(name: string): string {
  return `import { errorAt, type Loader } from "@secateur/kit";
import { decodeLine, type FileRow, type Row, readLines, rowDocuments } from "@secateur/kit/node";

/**
 * Reads tables of tab-separated values: the first line names the columns, each row after it is a document of its column \`text\`, of others that say what it
 * is, or of a template. Throws SecateurError \`data\` for a row of another number of columns.
 */
const loader: Loader = {
  name: "${name}",
  summary: "tab-separated values, one document a row",
  extensions: [".tsv"],
  load: (source, options, report) => rowDocuments(readRows(source), options, report),
};

export default loader;

async function* readRows(source: string): AsyncGenerator<FileRow, void, undefined> {
  let columns: readonly string[] | undefined;
  for await (const line of readLines(source)) {
    const origin = { source, line: line.number };
    const cells = decodeLine(line, source).split("\\t");
    if (columns === undefined) {
      columns = cells;
      continue;
    }
    const names = columns;
    const read = (): Row => {
      if (cells.length === names.length) return Object.fromEntries(names.map((name, i) => [name, cells[i]]));
      throw errorAt("data", origin, \`\${cells.length} columns, wanted \${names.length} as in line 1\`);
    };
    yield { index: line.number - 2, origin, content: line.bytes, read };
  }
}
`;
}

function test(): string {
  return `import { describeLoader } from "@secateur/kit/testing";
import { describe, it } from "vitest";
import loader from "../src/index.ts";

describeLoader({ describe, it }, loader, { sources: ["test/good.tsv"], refused: ["test/bad.tsv"] });
`;
}
