import type { Document } from "@secateur/kit";
import { taskDocuments } from "@secateur/tasks";
import { builtIns } from "../wiring.ts";
import type { JobContext, Preview, PreviewRequest } from "./messages.ts";

/** Reads the first documents of a data source, as calibration would. */
export async function runPreview(request: PreviewRequest, _context: JobContext<"preview">): Promise<Preview> {
  const { count, characters, ...source } = request;
  const report = { rows: 0, empty: 0, duplicates: 0 };
  const documents: Document[] = [];
  for await (const document of taskDocuments(source, "calibrate", { loaders: builtIns().loaders, report })) {
    documents.push(shortened(document, characters));
    if (documents.length >= count) break;
  }
  return { documents, report };
}

/** The same document with texts and lists of at most so many characters and items. */
function shortened<Value>(value: Value, characters: number): Value {
  if (typeof value === "string") return (value.length > characters ? `${value.slice(0, characters)}…` : value) as Value;
  if (Array.isArray(value)) return value.slice(0, characters).map((item) => shortened(item, characters)) as Value;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shortened(item, characters)])) as Value;
}
