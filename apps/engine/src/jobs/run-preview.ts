import type { Document } from "@secateur/kit";
import { taskDocuments } from "@secateur/tasks";
import { builtIns } from "../wiring.ts";
import type { JobContext, Preview, PreviewRequest } from "./messages.ts";

// So many characters and items of all documents together: rows may have thousands of long messages.
const ROOM = 200_000;

/** Reads the first documents of a data source, as calibration would. */
export async function runPreview(request: PreviewRequest, _context: JobContext<"preview">): Promise<Preview> {
  const { count, characters, ...source } = request;
  const report = { rows: 0, empty: 0, duplicates: 0 };
  const documents: Document[] = [];
  const room = { left: ROOM };
  for await (const document of taskDocuments(source, "calibrate", { loaders: builtIns().loaders, report })) {
    documents.push(shortened(document, characters, room));
    if (documents.length >= count || room.left <= 0) break;
  }
  return { documents, report };
}

/** The same document with texts and lists of at most so many characters and items, and of no more than there is room for. */
function shortened<Value>(value: Value, characters: number, room: { left: number }): Value {
  room.left--;
  if (typeof value === "string") {
    const text = value.slice(0, Math.max(0, Math.min(characters, room.left)));
    room.left -= text.length;
    return (text.length < value.length ? `${text}…` : text) as Value;
  }
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    for (const item of value.slice(0, characters)) {
      if (room.left <= 0) break;
      items.push(shortened(item, characters, room));
    }
    return items as Value;
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shortened(item, characters, room)])) as Value;
}
