import { readFile } from "node:fs/promises";
import { SecateurError, throwIfCancelled } from "@secateur/kit";
import { errorCode, ioError } from "@secateur/kit/node";
import { writeWhole } from "./io.ts";

/** A result as a line of a file. */
export interface KeyedRow {
  /** A hash of all that decides the row. */
  readonly key: string;
}

/** A row that is to be in the file. */
export interface WantedRow<Row extends KeyedRow> extends KeyedRow {
  make(): Promise<Row>;
}

/** How rows are made. */
export interface RowsOptions<Row extends KeyedRow> {
  /** The file that holds them, a JSON line each. */
  readonly path: string;
  /** Makes every row anew; what is in the file stays until there is a first one. */
  readonly force: boolean;
  /** Told each row once it is in the file, and how many of them are done. */
  readonly onRow?: ((row: Row, done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes rows one after another, and keeps each in a file as soon as it is there; a row that an earlier run has left is not made again. Gives them in the order
 * in which they were asked for. Throws SecateurError `exists` for a file with anything else than such rows, unless `force`.
 */
export async function makeRows<Row extends KeyedRow>(wanted: readonly WantedRow<Row>[], options: RowsOptions<Row>): Promise<Row[]> {
  const { path, force, onRow, signal } = options;
  const rows = force ? new Map<string, Row>() : await knownRows<Row>(path, new Set(wanted.map(({ key }) => key)));
  const result: Row[] = [];
  for (const { key, make } of wanted) {
    throwIfCancelled(signal);
    let row = rows.get(key);
    if (!row) {
      row = await make();
      rows.set(key, row);
      await writeWhole(path, [...rows.values()].map((one) => `${JSON.stringify(one)}\n`).join(""));
    }
    result.push(row);
    onRow?.(row, result.length, wanted.length);
  }
  return result;
}

/** Refuses a file that `makeRows` would refuse, before anything is made. */
export async function checkRows(path: string, keys: ReadonlySet<string>): Promise<void> {
  await knownRows(path, keys);
}

async function knownRows<Row extends KeyedRow>(path: string, keys: ReadonlySet<string>): Promise<Map<string, Row>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return new Map();
    throw ioError(error, "read", path);
  }
  const rows = new Map<string, Row>();
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const row = rowOf<Row>(line);
    if (!row || !keys.has(row.key))
      throw new SecateurError(
        "exists",
        `--out ${path} holds something else than results of these settings: give another, or --force to replace it`,
        { where: { file: path } },
      );
    rows.set(row.key, row);
  }
  return rows;
}

function rowOf<Row extends KeyedRow>(line: string): Row | undefined {
  try {
    const row = JSON.parse(line) as Partial<Row> | null;
    return typeof row?.key === "string" ? (row as Row) : undefined; // what has a key that is known was written here
  } catch {
    return undefined;
  }
}
