import { describe, expect, it } from "vitest";
import { type Document, type Loader, type LoadReport, SecateurError } from "../../src/index.ts";
import { describeLoader, type TestApi } from "../../src/testing.ts";

const FILES: Readonly<Record<string, readonly string[]>> = { "a.lines": ["one", "", "two", "one"], "bad.lines": ["one", "!"] };

/** Lines of files that are not on a disk. */
const lines: Loader = {
  name: "lines",
  summary: "one document a line",
  extensions: [".lines"],
  async *load(source, { rows: { from = 0, to = Number.POSITIVE_INFINITY } = {} }, report) {
    const found = FILES[source];
    if (!found) throw new SecateurError("not-found", `${source}: no such file`, { where: { file: source } });
    for (const [i, text] of found.entries()) {
      if (i < from || i >= to) continue;
      const where = { file: source, line: i + 1 };
      if (text === "!") throw new SecateurError("data", `${source}, line ${i + 1}: no text`, { where });
      report.rows++;
      if (text === "") report.empty++;
      else yield { kind: "text", text, origin: { source, line: i + 1 } };
    }
  },
};

const OPTIONS = { sources: ["a.lines"], refused: ["bad.lines"] } as const;

describeLoader({ describe, it }, lines, OPTIONS);

/** As `lines`, with what `change` makes of its documents. */
function changed(change: (document: Document, report: LoadReport) => Document): Loader {
  return {
    ...lines,
    async *load(source, options, report) {
      for await (const document of lines.load(source, options, report)) yield change(document, report);
    },
  };
}

/** The messages of the laws that a loader breaks. */
async function complaints(loader: Loader): Promise<string[]> {
  const laws: (() => unknown)[] = [];
  const api: TestApi = { describe: (_, body) => body(), it: (_, body) => void laws.push(body) };
  describeLoader(api, loader, OPTIONS);
  const results = await Promise.allSettled(laws.map(async (law) => law()));
  return results.flatMap((result) => (result.status === "rejected" ? [(result.reason as Error).message] : []));
}

let count = 0;
const broken: Record<string, [loader: Loader, message: string]> = {
  "an ending without a dot": [{ ...lines, extensions: ["lines"] }, 'the ending "lines" is not of the form .some or .some.more'],
  "a source of its own": [
    changed((document) => ({ ...document, origin: { source: "b", line: 1 } })),
    'the origin of document 0 is {"source":"b","line":1}, wanted the source a.lines',
  ],
  "lines that stand still": [
    changed((document) => ({ ...document, origin: { ...document.origin, line: 1 } })),
    "document 1 of a.lines has the line 1 after 1, wanted a later one from 1",
  ],
  "a text that is none": [
    changed((document) => ({ ...document, text: 7 }) as never),
    "document 0 of a.lines has the text 7, wanted a text",
  ],
  "an unknown kind": [
    changed((document) => ({ ...document, kind: "poem" }) as never),
    'document 0 of a.lines is of kind "poem", wanted text, answer, choices, messages or ids',
  ],
  "other documents each time": [changed((document) => ({ ...document, text: `${count++}` }) as never), "a.lines read twice: "],
  "rows that it does not count": [
    changed((document, report) => {
      report.rows = 0;
      return document;
    }),
    "a.lines: 0 rows, 1 empty, 0 duplicates for 3 documents, wanted rows - empty of them",
  ],
  "rows that were not asked for": [
    { ...lines, load: (source, _, report) => lines.load(source, {}, report) },
    "a.lines read up to its row 1 and from there on has 4 and 4 rows, wanted 1 and 3",
  ],
  "all rows at once": [
    {
      ...lines,
      async *load(source, options, report) {
        const all: Document[] = [];
        for await (const document of lines.load(source, options, report)) all.push(document);
        yield* all;
      },
    },
    "4 rows of a.lines were read for its first document, wanted fewer than all 4",
  ],
  "nothing for what is missing": [
    {
      ...lines,
      load: (source, options, report) => (source in FILES ? lines.load(source, options, report) : lines.load("a.lines", options, report)),
    },
    "a.lines.missing.lines is not refused, wanted SecateurError not-found",
  ],
  "a row that it lets pass": [
    { ...lines, load: (source, options, report) => lines.load(source === "bad.lines" ? "a.lines" : source, options, report) },
    "bad.lines is not refused, wanted SecateurError data",
  ],
};

it.each(Object.entries(broken))("%s is told", async (_, [loader, message]) => {
  expect((await complaints(loader)).join("\n")).toContain(message);
});
