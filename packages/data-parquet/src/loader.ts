import type { FileHandle } from "node:fs/promises";
import { type Loader, type LoadOptions, SecateurError } from "@secateur/kit";
import { type FileRow, ioError, openFile, rowDocuments } from "@secateur/kit/node";
import type { AsyncBuffer } from "hyparquet";
import { readRows } from "./rows.ts";

/** How much of a file is taken before it is refused. */
export interface ParquetLimits {
  /** Bytes that the columns asked for may unpack to in a row group, which is read at once where its pages have no index. */
  readonly groupBytes: number;
}

/** 1 GiB a row group: about ten times what the usual writers make of one, and it still fits into memory as texts. */
export const PARQUET_LIMITS: ParquetLimits = { groupBytes: 2 ** 30 };

/**
 * Reads Parquet tables: every row is a document by its columns or the template. Of the file only the end, which describes it, and the columns that are looked into
 * are read, a row group at a time (or a few pages, where they have an index), and no row group before or after the rows that are asked for.
 */
export const parquetLoader: Loader = createParquetLoader();

/** As `parquetLoader`, with limits of one's own. */
export function createParquetLoader(limits: ParquetLimits = PARQUET_LIMITS): Loader {
  return {
    name: "parquet",
    summary: "Parquet tables, one document a row",
    extensions: [".parquet"],
    load: (source, options, report) => rowDocuments(readFile(source, options, limits), options, report),
  };
}

async function* readFile(source: string, options: LoadOptions, limits: ParquetLimits): AsyncGenerator<FileRow, void, undefined> {
  const file = await openFile(source);
  try {
    yield* readRows(await bufferOf(source, file), source, options, limits);
  } finally {
    await file.close();
  }
}

async function bufferOf(source: string, file: FileHandle): Promise<AsyncBuffer> {
  const { size } = await file.stat();
  return {
    byteLength: size,
    async slice(start, end = size) {
      if (start < 0 || end < start || end > size) {
        const what = `bytes ${start} to ${end} are referred to, and the file has ${size}`;
        throw new SecateurError("data", `${source}: not a whole Parquet file: ${what}`, { where: { file: source } });
      }
      const bytes = new Uint8Array(end - start);
      try {
        for (let read = 0; read < bytes.length; ) {
          const { bytesRead } = await file.read(bytes, read, bytes.length - read, start + read);
          if (bytesRead === 0) throw new Error("it has become shorter");
          read += bytesRead;
        }
      } catch (cause) {
        throw ioError(cause, "read", source);
      }
      return bytes.buffer;
    },
  };
}
