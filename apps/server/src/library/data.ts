import { rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Home } from "../home.ts";
import { HttpError } from "../http-error.ts";
import { idOf, walk } from "./inside.ts";

/** A data file that jobs may name. */
export interface ListedData {
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  /** Whether a client has brought it, and may take it away. */
  readonly uploaded: boolean;
}

/** A listed data file, with its path. */
export interface FoundData extends ListedData {
  readonly path: string;
}

const DEPTH = 3;

/** The data files with one of these endings: those of the configured folders in the order of their names, and uploads, the newest first. */
export async function findData(folders: readonly string[], home: Pick<Home, "uploads">, endings: readonly string[]): Promise<FoundData[]> {
  const found: FoundData[] = [];
  for (const folder of folders) {
    for await (const { path, name, isFile } of walk(folder, DEPTH)) {
      if (isFile && hasEnding(name, endings))
        found.push({ id: idOf(path), name, bytes: (await factsOf(path)).bytes, uploaded: false, path });
    }
  }
  const uploads: { readonly upload: FoundData; readonly time: number }[] = [];
  for await (const { path, name, isFile } of walk(home.uploads, 1)) {
    const [id = "", file] = name.split("/");
    if (!isFile || file === undefined || id.includes(".")) continue;
    const { bytes, time } = await factsOf(path);
    uploads.push({ upload: { id, name: file, bytes, uploaded: true, path }, time });
  }
  found.push(...uploads.sort((a, b) => b.time - a.time).map(({ upload }) => upload));
  return [...new Map(found.map((data) => [data.id, data])).values()];
}

/** The data file of an id. Throws HttpError 404. */
export function dataOf(data: readonly FoundData[], id: string): FoundData {
  const found = data.find((one) => one.id === id);
  if (found === undefined) throw new HttpError(404, "not-found", `no data set has the id ${JSON.stringify(id)}: /api/data lists them`);
  return found;
}

/** Takes an upload away. Throws HttpError 403 for a file of a configured folder. */
export async function removeData({ uploaded, path, name }: FoundData): Promise<void> {
  if (!uploaded) throw new HttpError(403, "forbidden", `${name} belongs to a folder that the server only reads`);
  await rm(dirname(path), { recursive: true, force: true });
}

/** Whether a file's name ends as one of the loaders' do, packed or not. */
export function hasEnding(name: string, endings: readonly string[]): boolean {
  const plain = name.toLowerCase().replace(/\.gz$/, "");
  return endings.some((ending) => plain.endsWith(ending.replace(/\.gz$/, "")));
}

/** A file's size, and when it was written in milliseconds; of one that is gone, nothing. */
async function factsOf(path: string): Promise<{ bytes: number; time: number }> {
  const { size: bytes = 0, mtimeMs: time = 0 } = (await stat(path).catch(() => undefined)) ?? {};
  return { bytes, time };
}
