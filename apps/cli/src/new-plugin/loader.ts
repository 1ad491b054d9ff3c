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
  return `import { type Loader, type LoadOptions, SecateurError } from "@secateur/kit";
import { decodeLine, readLines, repeatDetector } from "@secateur/kit/node";

/**
 * Reads tables of tab-separated values: the first line names the columns, each row after it is a document of its column \`text\`, or of the one that
 * \`fields.text\` names. Throws SecateurError \`data\` for a row of another number of columns, \`usage\` for a template.
 */
const loader: Loader = {
  name: "${name}",
  summary: "tab-separated values, one document a row",
  extensions: [".tsv"],
  async *load(source, options, report) {
    const repeats = repeatDetector();
    let width = 0;
    let column = -1;
    for await (const line of readLines(source)) {
      const cells = decodeLine(line, source).split("\\t");
      if (line.number === 1) {
        width = cells.length;
        column = columnOf(cells, source, options);
        continue;
      }
      const where = { file: source, line: line.number };
      if (cells.length !== width) {
        throw new SecateurError("data", \`\${source}, line \${line.number}: \${cells.length} columns, wanted \${width} as in line 1\`, { where });
      }
      const text = cells[column] ?? "";
      report.rows++;
      if (text === "") report.empty++;
      else if (repeats(line.bytes)) report.duplicates++;
      if (text !== "" || options.keepEmpty) yield { kind: "text", text, origin: { source, line: line.number } };
    }
  },
};

export default loader;

function columnOf(header: readonly string[], source: string, { fields = {}, template }: LoadOptions): number {
  const where = { file: source, line: 1 };
  if (template !== undefined) throw new SecateurError("usage", \`\${source}: a template cannot be used with it\`, { where });
  const name = fields.text ?? "text";
  const column = header.indexOf(name);
  if (column < 0) throw new SecateurError("data", \`\${source}, line 1: no column "\${name}", the columns are \${header.join(", ")}\`, { where });
  return column;
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
