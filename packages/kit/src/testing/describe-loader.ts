import type { Document, Loader, LoadOptions, LoadReport } from "../document.ts";
import { documentFault } from "../document-fault.ts";
import { type ErrorCode, SecateurError } from "../errors.ts";
import { demand } from "./plugin-laws.ts";
import type { TestApi } from "./test-api.ts";

/** What `describeLoader` reads. */
export interface DescribeLoaderOptions {
  /** Paths of sources that the loader reads, of at least two documents each. */
  readonly sources: readonly [string, ...string[]];
  /** Paths of sources with a row that it refuses with the code `data`. */
  readonly refused: readonly [string, ...string[]];
  /** How rows are read; nothing when left out. */
  readonly options?: LoadOptions;
}

/**
 * The laws of a loader, as tests: documents of the kinds that there are, each with the source as it was named and its line, the same again; rows counted as they
 * are taken; a source that is not there, and a row that does not fit, are errors that name the file and the line.
 */
export function describeLoader(t: TestApi, loader: Loader, { sources, refused, options = {} }: DescribeLoaderOptions): void {
  const [first] = sources;
  t.describe(`loader ${loader.name}`, () => {
    t.it("has a name, a summary of one line, and the endings that it reads", () => {
      const { name, summary, extensions } = loader;
      demand(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name), `the name ${JSON.stringify(name)} is not of the form some-name`);
      demand(/^\S[^\n]{0,118}\S$/.test(summary), `the summary ${JSON.stringify(summary)} is not one line of 2 to 120 characters`);
      demand(extensions.length > 0, "it reads no endings");
      const bad = extensions.find((extension) => !/^(\.[a-z0-9]+)+$/.test(extension));
      demand(bad === undefined, `the ending ${JSON.stringify(bad)} is not of the form .some or .some.more`);
    });

    t.it("gives documents with their source and line", async () => {
      for (const source of sources) {
        const { documents } = await readAll(loader, source, options);
        demand(documents.length > 1, `${source} gives ${documents.length} documents, wanted at least 2 to hold it to its laws`);
        let before = 0;
        for (const [i, document] of documents.entries()) {
          const fault = documentFault(document);
          demand(fault === undefined, `document ${i} of ${source} ${fault}`);
          const { origin } = document;
          demand(origin.source === source, `the origin of document ${i} is ${JSON.stringify(origin)}, wanted the source ${source}`);
          const { line } = origin;
          demand(
            Number.isInteger(line) && line > before,
            `document ${i} of ${source} has the line ${line} after ${before}, wanted a later one from 1`,
          );
          before = line;
        }
      }
    });

    t.it("gives the same documents again, also with another reader beside it", async () => {
      for (const source of sources) {
        const [one, other] = await Promise.all([readAll(loader, source, options), readAll(loader, source, options)]);
        const [found, wanted] = [JSON.stringify(other), JSON.stringify(one)];
        demand(found === wanted, `${source} read twice: ${found}, wanted ${wanted}`);
      }
    });

    t.it("counts rows: one a document, and those that are empty", async () => {
      for (const source of sources) {
        const { documents, report } = await readAll(loader, source, options);
        const { rows, empty, duplicates } = report;
        const counts = `${rows} rows, ${empty} empty, ${duplicates} duplicates`;
        demand(rows - empty === documents.length, `${source}: ${counts} for ${documents.length} documents, wanted rows - empty of them`);
        demand(duplicates >= 0 && duplicates < documents.length, `${source}: ${counts} of ${documents.length} documents`);
      }
    });

    t.it("reads as documents are taken, and can be left at any of them", async () => {
      for (const source of sources) {
        const whole = await readAll(loader, source, options);
        const report = newReport();
        for await (const document of loader.load(source, options, report)) {
          const [found, wanted] = [JSON.stringify(document), JSON.stringify(whole.documents[0])];
          demand(found === wanted, `the first document of ${source} is ${found}, wanted ${wanted}`);
          break;
        }
        demand(
          report.rows < whole.report.rows,
          `${report.rows} rows of ${source} were read for its first document, wanted fewer than all ${whole.report.rows}`,
        );
      }
    });

    t.it("reads a range of rows, and neither counts nor reads others", async () => {
      for (const source of sources) {
        const whole = await readAll(loader, source, options);
        const first = await readAll(loader, source, { ...options, rows: { to: 1 } });
        const rest = await readAll(loader, source, { ...options, rows: { from: 1 } });
        const rows = `${first.report.rows} and ${rest.report.rows} rows`;
        demand(
          first.report.rows === 1 && rest.report.rows === whole.report.rows - 1,
          `${source} read up to its row 1 and from there on has ${rows}, wanted 1 and ${whole.report.rows - 1}`,
        );
        const [found, wanted] = [JSON.stringify([...first.documents, ...rest.documents]), JSON.stringify(whole.documents)];
        demand(found === wanted, `${source} read up to its row 1 and from there on gives ${found}, wanted ${wanted}`);
      }
    });

    t.it("does not change its options", async () => {
      const given = structuredClone(options);
      await readAll(loader, first, given);
      const [found, wanted] = [JSON.stringify(given), JSON.stringify(options)];
      demand(found === wanted, `the options after reading are ${found}, wanted ${wanted}`);
    });

    t.it("says that a source is not there", async () => {
      const missing = `${first}.missing${loader.extensions[0]}`;
      const error = await failureOf(loader, missing, options, "not-found");
      demand(error.message.includes(missing), `the error for a missing source is "${error.message}", wanted it to name ${missing}`);
    });

    t.it("refuses a row that does not fit, with its file and line", async () => {
      for (const source of refused) {
        const { message, where } = await failureOf(loader, source, options, "data");
        demand(
          where.file === source && Number.isInteger(where.line),
          `"${message}" says where: ${JSON.stringify(where)}, wanted the file ${source} and a line`,
        );
        demand(message.includes(source), `the error for a row is "${message}", wanted it to name ${source}`);
      }
    });
  });
}

async function readAll(loader: Loader, source: string, options: LoadOptions): Promise<{ documents: Document[]; report: LoadReport }> {
  const report = newReport();
  const documents: Document[] = [];
  for await (const document of loader.load(source, options, report)) documents.push(document);
  return { documents, report };
}

function newReport(): LoadReport {
  return { rows: 0, empty: 0, duplicates: 0 };
}

async function failureOf(loader: Loader, source: string, options: LoadOptions, code: ErrorCode): Promise<SecateurError> {
  let error: unknown;
  try {
    await readAll(loader, source, options);
  } catch (caught) {
    error = caught;
  }
  demand(error !== undefined, `${source} is not refused, wanted SecateurError ${code}`);
  demand(error instanceof SecateurError && error.code === code, `${source} throws ${error}, wanted SecateurError ${code}`);
  return error;
}
