import { type FileHandle, open } from "node:fs/promises";
import { SecateurError } from "@secateur/kit";
import { ioError } from "@secateur/kit/node";
import { allocate, bytesOf, bytesPerElement, sizeOf, type Tensor, tensor } from "@secateur/tensor";
import { type Entry, type Header, headerLength, LENGTH_BYTES, parseHeader } from "./header.ts";
import { CHUNK_BYTES, readAt } from "./io.ts";

/** A safetensors file that is open for reading, its header checked. */
export interface WeightFile {
  /** How messages name it. */
  readonly label: string;
  readonly handle: FileHandle;
  readonly header: Header;
}

/** Opens a file and reads its header, nothing else. Throws SecateurError `format`, `unsupported` or `io`. */
export async function openWeightFile(path: string, label: string): Promise<WeightFile> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    return { label, handle, header: await readHeader(handle, label) };
  } catch (error) {
    await handle?.close();
    throw ioError(error, "read", label);
  }
}

/** Reads one tensor into memory of its own, since its bytes in the file need not be aligned. Throws SecateurError `io` when the file has ended before it. */
export async function readTensor(file: WeightFile, entry: Entry): Promise<Tensor> {
  const out = allocateFor(file, entry, entry.shape);
  await fill(file, entry, bytesOf(out), 0);
  return out;
}

// Reading past so many bytes that nobody wants takes less time than another call of the system.
const NEAR_BYTES = 1 << 14;

/** Reads rows along the first axis, in the order asked for; those that lie close together are one read. Besides the result, memory holds 1 MiB, or one row when that is more. */
export async function readRows(file: WeightFile, entry: Entry, rows: readonly number[]): Promise<Tensor> {
  checkRows(file, entry, rows);
  const rest = entry.shape.slice(1);
  const rowBytes = sizeOf(rest) * bytesPerElement(entry.dtype);
  const out = allocateFor(file, entry, [rows.length, ...rest]);
  const bytes = bytesOf(out);
  const order = Array.from(rows, (row, slot) => ({ row, slot })).sort((a, b) => a.row - b.row);
  const most = Math.max(1, Math.floor(CHUNK_BYTES / rowBytes));
  const near = Math.floor(NEAR_BYTES / rowBytes); // rows
  for (let from = 0, to = 0; from < order.length && rowBytes > 0; from = to) {
    const first = (order[from] as { row: number }).row;
    let last = first;
    for (to = from + 1; to < order.length; to++) {
      const { row } = order[to] as { row: number };
      if (row > last + 1 + near || row - first >= most) break;
      last = row;
    }
    const run = new Uint8Array((last - first + 1) * rowBytes); // (last − first + 1, rest)
    await fill(file, entry, run, first * rowBytes);
    for (const { row, slot } of order.slice(from, to)) {
      const start = (row - first) * rowBytes;
      bytes.set(run.subarray(start, start + rowBytes), slot * rowBytes);
    }
  }
  return out;
}

/** A tensor's bytes from first to last in pieces of 1 MiB; a piece is valid until the next. */
export async function* readPieces(file: WeightFile, entry: Entry): AsyncGenerator<Uint8Array, void, undefined> {
  const total = entry.end - entry.begin;
  const buffer = new Uint8Array(Math.min(CHUNK_BYTES, total));
  for (let done = 0; done < total; done += buffer.length) {
    const piece = buffer.subarray(0, Math.min(buffer.length, total - done));
    await fill(file, entry, piece, done);
    yield piece;
  }
}

async function readHeader(handle: FileHandle, label: string): Promise<Header> {
  const { size } = await handle.stat();
  const first = new Uint8Array(LENGTH_BYTES);
  const json = new Uint8Array(headerLength(first.subarray(0, await readAt(handle, first, 0)), size, label));
  const read = await readAt(handle, json, LENGTH_BYTES);
  return parseHeader(json.subarray(0, read), size, label);
}

async function fill(file: WeightFile, entry: Entry, bytes: Uint8Array, offset: number): Promise<void> {
  const position = file.header.dataStart + entry.begin + offset;
  let read: number;
  try {
    read = await readAt(file.handle, bytes, position);
  } catch (error) {
    throw ioError(error, "read", file.label, entry.name);
  }
  if (read === bytes.length) return;
  const where = { file: file.label, tensor: entry.name, byte: position + read };
  const message = `${file.label}: the file now ends at byte ${position + read}, inside tensor ${JSON.stringify(entry.name)}: it has changed since it was opened`;
  throw new SecateurError("io", message, { where });
}

function allocateFor(file: WeightFile, entry: Entry, shape: readonly number[]): Tensor {
  try {
    return tensor(entry.dtype, shape, allocate(entry.dtype, sizeOf(shape)));
  } catch (error) {
    const subject = `${entry.dtype} of shape [${shape.join(", ")}]`;
    const message = `${file.label}: tensor ${JSON.stringify(entry.name)}: ${subject} is more than can be held in one piece of memory`;
    throw new SecateurError("unsupported", message, { where: { file: file.label, tensor: entry.name }, cause: error });
  }
}

function checkRows(file: WeightFile, entry: Entry, rows: readonly number[]): void {
  const where = { file: file.label, tensor: entry.name };
  const [count] = entry.shape;
  if (count === undefined)
    throw new SecateurError("input", `${file.label}: tensor ${JSON.stringify(entry.name)} is a scalar: it has no rows`, { where });
  for (const row of rows) {
    if (Number.isInteger(row) && row >= 0 && row < count) continue;
    throw new SecateurError(
      "input",
      `${file.label}: tensor ${JSON.stringify(entry.name)} has the rows 0 to ${count - 1}, but row ${row} was asked for`,
      { where },
    );
  }
}
