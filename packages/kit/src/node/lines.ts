import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { SecateurError } from "../errors.ts";
import { openFile } from "./open-file.ts";
import { showBytes } from "./show-bytes.ts";

/** One line of a file: its 1-based number, and its bytes without the line's end. */
export interface Line {
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** How much of a file is taken before it is refused. */
export interface LineLimits {
  /** Bytes of one line. */
  readonly lineBytes: number;
  /** Bytes that a `.gz` file may unpack to. */
  readonly unpackedBytes: number;
}

/**
 * 64 MiB a line: a library of books fits, and a line with its text, its JSON and its tokens still fits into memory. 16 GiB unpacked: many times
 * a shard of the large web corpora, and an end for a file made to unpack without one.
 */
export const LINE_LIMITS: LineLimits = { lineBytes: 64 * 2 ** 20, unpackedBytes: 16 * 2 ** 30 };

/**
 * The lines of a file, unpacked first when its name ends in `.gz`, read as they are asked for: memory holds one line and one chunk, and a consumer
 * that stops closes the file. A line ends at `\n` and nowhere else; one `\r` before it and a byte-order mark at the file's start are dropped.
 * Throws SecateurError `not-found`, `input` for a folder, `data` for a line or an unpacked size past its limit and for a damaged archive, `io`.
 */
export async function* readLines(source: string, limits: LineLimits = LINE_LIMITS): AsyncGenerator<Line, void, undefined> {
  const file = await openFile(source);
  try {
    const raw = readChunks(source, file);
    let number = 1;
    let parts: Uint8Array[] = [];
    let bytes = 0;
    const take = (part: Uint8Array): void => {
      parts.push(part);
      bytes += part.length;
      // A byte-order mark and a \r are not the line's own bytes; `end` checks what is.
      if (bytes > limits.lineBytes + BYTE_ORDER_MARK.length + 1) throw tooLong(source, number, limits);
    };
    const end = (): Line => {
      const line = { number, bytes: trimLine(joinParts(parts, bytes), number) };
      if (line.bytes.length > limits.lineBytes) throw tooLong(source, number, limits);
      parts = [];
      bytes = 0;
      number++;
      return line;
    };
    for await (const chunk of source.toLowerCase().endsWith(".gz") ? unpack(source, raw, limits.unpackedBytes) : raw) {
      let start = 0;
      for (let stop = chunk.indexOf(NEWLINE); stop >= 0; stop = chunk.indexOf(NEWLINE, start)) {
        take(chunk.subarray(start, stop));
        start = stop + 1;
        yield end();
      }
      if (start < chunk.length) take(chunk.subarray(start));
    }
    if (bytes > 0) {
      const last = end();
      // A file of nothing but a byte-order mark has no line.
      if (last.number > 1 || last.bytes.length > 0) yield last;
    }
  } finally {
    await file.close();
  }
}

/** A line as text. Throws SecateurError `data` when its bytes are not UTF-8. */
export function decodeLine(line: Line, source: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line.bytes);
  } catch (cause) {
    throw new SecateurError("data", `${source}, line ${line.number}: the bytes are not UTF-8 text`, {
      where: { file: source, line: line.number },
      cause,
    });
  }
}

/**
 * Tells whether these bytes were given to it before. It remembers the first million different contents by 64 bits of their SHA-1, so that its
 * memory stays small; what repeats only later ones is not noticed.
 */
export function repeatDetector(capacity: number = REMEMBERED): (bytes: Uint8Array | string) => boolean {
  const seen = new Set<bigint>();
  return (bytes) => {
    const prefix = createHash("sha1").update(bytes).digest().readBigUInt64LE(0);
    if (seen.has(prefix)) return true;
    if (seen.size < capacity) seen.add(prefix);
    return false;
  };
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const;
const CHUNK_BYTES = 256 * 1024;
const REMEMBERED = 1_000_000;

async function* readChunks(source: string, file: FileHandle): AsyncGenerator<Buffer, void, undefined> {
  for (;;) {
    // A new buffer each time: lines that have been handed out are views of it.
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    let length: number;
    try {
      length = (await file.read(buffer, 0, CHUNK_BYTES)).bytesRead;
    } catch (cause) {
      throw new SecateurError("io", `${source}: reading failed (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`, {
        where: { file: source },
        cause,
      });
    }
    if (length === 0) return;
    yield buffer.subarray(0, length);
  }
}

async function* unpack(source: string, packed: AsyncIterable<Buffer>, limit: number): AsyncGenerator<Buffer, void, undefined> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  // An error on either side ends both streams and comes out of the loop below; so does leaving the loop.
  pipeline(Readable.from(packed), gunzip, () => {});
  let total = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      total += chunk.length;
      if (total > limit) {
        throw new SecateurError("data", `${source}: unpacks to more than ${showBytes(limit)}, the most that is read of one file`, {
          where: { file: source },
        });
      }
      yield chunk;
    }
  } catch (cause) {
    if (cause instanceof SecateurError) throw cause;
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new SecateurError("data", `${source}: the gzip archive is damaged (${what})`, { where: { file: source }, cause });
  }
}

function joinParts(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts, bytes);
}

function trimLine(line: Uint8Array, number: number): Uint8Array {
  const start = number === 1 && BYTE_ORDER_MARK.every((byte, i) => line[i] === byte) ? BYTE_ORDER_MARK.length : 0;
  const end = line.at(-1) === RETURN ? line.length - 1 : line.length;
  return line.subarray(start, Math.max(start, end));
}

function tooLong(source: string, line: number, limits: LineLimits): SecateurError {
  return new SecateurError("data", `${source}, line ${line}: longer than ${showBytes(limits.lineBytes)}, the most that one line may have`, {
    where: { file: source, line },
  });
}
