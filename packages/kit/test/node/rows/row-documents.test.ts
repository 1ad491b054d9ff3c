import { expect, it } from "vitest";
import type { Document, LoadOptions, LoadReport } from "../../../src/index.ts";
import { type FileRow, type Row, rowDocuments } from "../../../src/node.ts";

const ROWS: readonly (Row | undefined)[] = [{ text: "one" }, undefined, { text: "" }, { text: "two" }, { text: "one" }];

/** Loads `ROWS`; `read` says which of them were looked into, `asked` how many were asked for, `closed` whether the source was left. */
async function load(options: LoadOptions, rows = ROWS) {
  const read: number[] = [];
  let asked = 0;
  let closed = false;
  async function* source(): AsyncGenerator<FileRow> {
    try {
      for (const [index, row] of rows.entries()) {
        asked++;
        const origin = { source: "a", line: index + 1 };
        const look = () => {
          read.push(index);
          return row;
        };
        yield { index, origin, content: JSON.stringify(row) ?? "", read: look };
      }
    } finally {
      closed = true;
    }
  }
  const report: LoadReport = { rows: 0, empty: 0, duplicates: 0 };
  const documents: Document[] = [];
  for await (const document of rowDocuments(source(), options, report)) documents.push(document);
  return { lines: documents.map(({ origin }) => origin.line), documents, report, read, asked, closed };
}

it("gives a document a row with content, and counts what is empty and what repeats", async () => {
  const { documents, report } = await load({});
  expect(documents).toEqual([
    { kind: "text", text: "one", origin: { source: "a", line: 1 } },
    { kind: "text", text: "two", origin: { source: "a", line: 4 } },
    { kind: "text", text: "one", origin: { source: "a", line: 5 } },
  ]);
  expect(report).toEqual({ rows: 5, empty: 2, duplicates: 1 });
});

it("gives empty texts where they are asked for, and blank rows never", async () => {
  expect((await load({ keepEmpty: true })).lines).toEqual([1, 3, 4, 5]);
});

it.each([
  [{}, [0, 1, 2, 3, 4], 5],
  [{ from: 3 }, [3, 4], 5],
  [{ to: 1 }, [0], 2],
  [{ from: 1, to: 4 }, [1, 2, 3], 5],
  [{ from: 2, to: 2 }, [], 0],
  [{ from: 9 }, [], 5],
  [{ from: undefined, to: undefined }, [0, 1, 2, 3, 4], 5],
])("reads the rows %o alone", async (rows, read, asked) => {
  const found = await load({ rows });
  expect(found).toMatchObject({ read, asked, closed: asked > 0 });
  expect(found.report.rows).toBe(read.length);
});

it("refuses options that fit no row before it asks for one", async () => {
  await expect(load({ template: "plain" })).rejects.toMatchObject({ code: "usage" });
});
