import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PARQUET_LIMITS, type ParquetLimits, parquetLoader } from "@secateur/data-parquet";
import type { Document, LoadOptions, LoadReport } from "@secateur/kit";
import { readRows } from "../src/rows.ts";

/** A table of the fixtures, which `tools/goldens/parquet.py` writes by pyarrow. */
export function fixture(name: string): string {
  return join(import.meta.dirname, "fixtures", `${name}.parquet`);
}

/** All documents of a file. */
export async function load(
  source: string,
  options: LoadOptions = {},
  loader = parquetLoader,
): Promise<{ documents: Document[]; report: LoadReport }> {
  const report = { rows: 0, empty: 0, duplicates: 0 };
  const documents: Document[] = [];
  for await (const document of loader.load(source, options, report)) documents.push(document);
  return { documents, report };
}

/** Reads rows of bytes in memory, at most so many, and says which of the bytes were read. */
export async function readCounted(
  bytes: Uint8Array,
  options: LoadOptions,
  most = Number.POSITIVE_INFINITY,
  limits: ParquetLimits = PARQUET_LIMITS,
) {
  const touched = new Uint8Array(bytes.length);
  const file = {
    byteLength: bytes.length,
    slice(start: number, end = bytes.length) {
      touched.fill(1, start, end);
      return bytes.slice(start, end).buffer as ArrayBuffer; // a copy has a buffer of its own
    },
  };
  const rows: unknown[] = [];
  for await (const row of readRows(file, "a.parquet", options, limits)) if (rows.push(row.read()) === most) break;
  return { rows, touched, bytes: touched.reduce((sum, one) => sum + one, 0) };
}

/** A fixture's bytes. */
export function bytesOf(name: string): Uint8Array {
  return Uint8Array.from(readFileSync(fixture(name))); // slices of a Buffer would share its memory
}
