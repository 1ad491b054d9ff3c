import { type LoadOptions, type Origin, SecateurError } from "@secateur/kit";
import { columnsRead, type FileRow, type Row, showBytes } from "@secateur/kit/node";
import {
  type AsyncBuffer,
  type DecodedArray,
  type FileMetaData,
  parquetMetadataAsync,
  parquetScan,
  parquetSchema,
  type RowGroup,
  type SchemaTree,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import type { ParquetLimits } from "./loader.ts";
import { jsonValue } from "./values.ts";

/**
 * The rows of a table that options ask for, with those columns alone that their reader looks into. Throws SecateurError `data` for what is no table, or is damaged,
 * and for a row group past its limit.
 */
export async function* readRows(
  file: AsyncBuffer,
  source: string,
  options: LoadOptions,
  limits: ParquetLimits,
): AsyncGenerator<FileRow, void, undefined> {
  const { metadata, columns, count } = await describe(file, source);
  const read = columnsRead(options);
  const chosen = columns.filter((column) => read.some((name) => name === column || name.startsWith(`${column}.`)));
  const { from = 0, to = count } = options.rows ?? {};
  const rowOf = (row: Row, index: number): FileRow => {
    const origin: Origin = { source, line: index + 1, unit: "row" };
    return { index, origin, columns, content: JSON.stringify(row), read: () => row };
  };
  const scan = await guarded(source, 0, () =>
    parquetScan({ file, metadata, columns: chosen, compressors, parsers: { stringFromBytes: decode } }),
  );
  for (const { start, end } of parts(metadata, chosen, Math.max(0, from), Math.min(to, count), source, limits)) {
    // One after the other: where several fail at once, all but the first would be failures that nobody looks at.
    const cells: [column: string, values: DecodedArray][] = [];
    for (const column of chosen) {
      const values = await guarded(source, start, () => scan.readColumn({ column, rowStart: start, rowEnd: end }));
      if (values.length !== end - start) throw damaged(source, start, `${column} has ${values.length} values, ${end - start} were wanted`);
      cells.push([column, values]);
    }
    for (let i = 0; i < end - start; i++)
      yield rowOf(Object.fromEntries(cells.map(([column, values]) => [column, jsonValue(values[i])])), start + i);
  }
}

interface Description {
  readonly metadata: FileMetaData;
  /** The names of the columns at the top. */
  readonly columns: readonly string[];
  readonly count: number;
}

async function describe(file: AsyncBuffer, source: string): Promise<Description> {
  try {
    // The file's last bytes say where its description begins, so that nothing else is read.
    const metadata = await parquetMetadataAsync(file, { initialFetchSize: TAIL_BYTES });
    const schema = parquetSchema(metadata);
    checkGroups(metadata, leavesOf(schema));
    return {
      metadata,
      columns: schema.children.map(({ element }) => element.name),
      count: metadata.row_groups.reduce((sum, { num_rows }) => sum + Number(num_rows), 0),
    };
  } catch (cause) {
    if (cause instanceof SecateurError) throw cause;
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new SecateurError("data", `${source}: not a Parquet file, or not a whole one (${what})`, { where: { file: source }, cause });
  }
}

/** The paths of the columns that hold values, which every row group has in this order. */
function leavesOf({ path, children }: SchemaTree): string[] {
  return children.length === 0 ? [path.join(".")] : children.flatMap(leavesOf);
}

/** What the library takes on trust: a chunk that is in no column would be read, and what comes of it never looked at. */
function checkGroups({ row_groups }: FileMetaData, leaves: readonly string[]): void {
  if (new Set(leaves).size < leaves.length) throw new Error("two columns have one name");
  for (const [i, { columns, num_rows }] of row_groups.entries()) {
    const paths = columns.map(({ meta_data }) => meta_data?.path_in_schema.join("."));
    if (paths.length !== leaves.length || leaves.some((leaf, j) => paths[j] !== leaf))
      throw new Error(`row group ${i + 1} has other columns than the table`);
    if (num_rows < 0n || num_rows > MOST_ROWS) throw new Error(`row group ${i + 1} is said to have ${num_rows} rows`);
  }
}

// A row number is an index of an array in memory.
const MOST_ROWS = 2n ** 31n;
// The length of the description and the file's signature.
const TAIL_BYTES = 8;
// Pages of a column do not begin at the same rows as another's: small parts would read most pages twice.
const PART_ROWS = 1024;

/** The stretches of rows to read at once: the rows asked for of each row group, and no more than a part of them where an index tells which pages hold it. */
function* parts(
  { row_groups }: FileMetaData,
  chosen: readonly string[],
  from: number,
  to: number,
  source: string,
  { groupBytes }: ParquetLimits,
): Generator<{ readonly start: number; readonly end: number }, void, undefined> {
  let before = 0;
  for (const [i, group] of row_groups.entries()) {
    const start = Math.max(before, from);
    before += Number(group.num_rows);
    const end = Math.min(before, to);
    if (start >= end) continue;
    const chunks = chunksOf(group, chosen);
    const indexed = chunks.every(({ offset_index_offset }) => offset_index_offset !== undefined);
    const bytes = chunks.reduce((sum, { meta_data }) => sum + Number(meta_data?.total_uncompressed_size ?? 0), 0);
    if (!indexed && bytes > groupBytes) {
      const what = `row group ${i + 1} unpacks to ${showBytes(bytes)} in the columns asked for, of at most ${showBytes(groupBytes)}`;
      throw damaged(source, start, `${what}: write the file with smaller row groups, or with an index of its pages`);
    }
    const step = indexed ? PART_ROWS : Number(group.num_rows);
    for (let at = start; at < end; at += step) yield { start: at, end: Math.min(at + step, end) };
  }
}

function chunksOf({ columns }: RowGroup, chosen: readonly string[]): RowGroup["columns"] {
  return columns.filter(({ meta_data }) => chosen.includes(meta_data?.path_in_schema[0] ?? ""));
}

const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array | undefined): string | undefined {
  return bytes && DECODER.decode(bytes);
}

async function guarded<Result>(source: string, row: number, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof SecateurError) throw cause;
    throw damaged(source, row, `it cannot be read (${cause instanceof Error ? cause.message : String(cause)})`, cause);
  }
}

/** An error about the rows from one on, by its place from 0. */
function damaged(source: string, row: number, what: string, cause?: unknown): SecateurError {
  return new SecateurError("data", `${source}, from row ${row + 1} on: ${what}`, { where: { file: source, line: row + 1 }, cause });
}
