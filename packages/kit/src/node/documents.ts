import type { Document, Loader, LoadOptions, LoadReport, Origin } from "../document.ts";
import { documentFault } from "../document-fault.ts";
import { SecateurError, type Where } from "../errors.ts";
import { loaderFor } from "./sources.ts";

/**
 * The documents of a source, as the loader for its ending gives them, each checked. Throws SecateurError `unsupported` at once where no loader reads it, and, as documents
 * are taken, `plugin` with the loader's name where it throws what is no SecateurError, gives what is no document, or counts what is no number.
 */
export function readDocuments(
  loaders: readonly Loader[],
  source: string,
  options: LoadOptions,
  report: LoadReport,
): AsyncGenerator<Document, undefined> {
  const given = structuredClone(options);
  freeze(given);
  return checked(loaderFor(loaders, source), source, given, report);
}

function freeze(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) freeze(inner);
}

async function* checked(loader: Loader, source: string, options: LoadOptions, report: LoadReport): AsyncGenerator<Document, undefined> {
  const who = `loader ${loader.name}`;
  let last: Origin | undefined; // of the last document
  let count = 0;
  try {
    const documents: unknown = await loader.load(source, options, report); // a promise is no mistake worth refusing, and one that fails is met here
    if (!isIterable(documents)) throw wrong(`${who} gave no documents of ${source}, wanted an async iterable`, { file: source });
    for await (const document of documents) {
      count++;
      const fault = documentFault(document);
      if (fault !== undefined)
        throw wrong(`${who} gave a document that ${fault} (document ${count} of ${source})`, whereOf(source, document));
      checkReport(who, source, report);
      last = document.origin;
      yield document;
    }
    checkReport(who, source, report);
  } catch (cause) {
    if (cause instanceof SecateurError) throw cause;
    const after = last === undefined ? "" : ` after ${last.unit ?? "line"} ${last.line}`;
    const message = `${who} failed on ${source}${after}: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new SecateurError("plugin", message, { where: { file: source, ...(last && { line: last.line }) }, cause });
  }
}

function isIterable(value: unknown): value is AsyncIterable<Document> {
  return typeof value === "object" && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value);
}

const COUNTS = ["rows", "empty", "duplicates"] as const;

function checkReport(who: string, source: string, report: LoadReport): void {
  const bad = COUNTS.find((name) => !(Number.isSafeInteger(report[name]) && report[name] >= 0));
  if (bad) throw wrong(`${who} counted ${report[bad]} ${bad} of ${source}, wanted a whole number from 0`, { file: source });
}

function whereOf(file: string, document: { readonly origin?: { readonly line?: unknown } } | undefined | null): Where {
  const line = document?.origin?.line;
  return Number.isSafeInteger(line) ? { file, line: line as number } : { file };
}

function wrong(message: string, where: Where): SecateurError {
  return new SecateurError("plugin", message, { where });
}
