import { type Json, SecateurError, type Where } from "@secateur/kit";
import { bytesPerElement, type DType, isDType } from "@secateur/tensor";
import { isObject, JsonError, type JsonObject, parseJson } from "./json.ts";

/** A tensor's place in a file: `begin` and `end` are byte offsets from the start of the file's data. */
export interface Entry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** What the header of a safetensors file says. */
export interface Header {
  /** In the order of their data, which they fill without gaps. */
  readonly tensors: readonly Entry[];
  readonly metadata: Readonly<Record<string, string>>;
  /** The byte of the file at which its data begins. */
  readonly dataStart: number;
}

/** The header's length is a 64-bit little-endian number at the start of the file. */
export const LENGTH_BYTES = 8;

/** The largest header that the format's own library reads: about a million tensors. */
export const MAX_HEADER_BYTES = 100_000_000;

/** The most axes of a tensor: no framework makes more. */
export const MAX_AXES = 64;

const METADATA = "__metadata__";

/** The length in bytes of the header's JSON, from the first 8 bytes of a file of `fileBytes` bytes. Throws SecateurError `format`. */
export function headerLength(first: Uint8Array, fileBytes: number, file: string): number {
  if (fileBytes < LENGTH_BYTES || first.length < LENGTH_BYTES) {
    refuse(
      { file, byte: fileBytes },
      `the file has ${fileBytes} bytes, but a safetensors file begins with ${LENGTH_BYTES} bytes that give its header's length`,
    );
  }
  if (Buffer.from(first.subarray(0, LENGTH_BYTES)).toString("latin1") === "version ") {
    refuse({ file, byte: 0 }, "the file is a Git LFS pointer, not the weights themselves: fetch them with `git lfs pull`");
  }
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES))
    refuse({ file, byte: 0 }, `the header is said to have ${length} bytes; the limit is ${MAX_HEADER_BYTES}`);
  if (length > BigInt(fileBytes - LENGTH_BYTES)) {
    refuse(
      { file, byte: 0 },
      `the header is said to have ${length} bytes, but only ${fileBytes - LENGTH_BYTES} follow: the file is truncated`,
    );
  }
  return Number(length);
}

/**
 * Parses the JSON of a header (the bytes after the length) of a file of `fileBytes` bytes and checks that the tensors fill the rest of the
 * file exactly. Throws SecateurError `format`, or `unsupported` for a dtype that is not carried.
 */
export function parseHeader(json: Uint8Array, fileBytes: number, file: string): Header {
  const fields = parseFields(json, file);
  const dataStart = LENGTH_BYTES + json.length;
  const metadata = parseMetadata(fields[METADATA], file);
  const tensors = Object.entries(fields)
    .filter(([name]) => name !== METADATA)
    .map(([name, value]) => parseEntry(name, value, file))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkLayout(tensors, fileBytes - dataStart, dataStart, file);
  return { tensors, metadata, dataStart };
}

/**
 * The length, the JSON and the padding of a file that holds these tensors one after another. As in the published library, spaces follow the
 * JSON so that the data begins at a multiple of 8. Throws SecateurError `format` when the header would be larger than can be read again.
 */
export function encodeHeader(
  tensors: Iterable<{ readonly name: string; readonly dtype: DType; readonly shape: readonly number[] }>,
  metadata: Readonly<Record<string, string>>,
  file: string,
): { readonly bytes: Uint8Array; readonly header: Header } {
  const entries: Entry[] = [];
  const fields: [string, Json][] = Object.keys(metadata).length > 0 ? [[METADATA, metadata]] : [];
  let begin = 0;
  for (const { name, dtype, shape } of tensors) {
    if (name === METADATA) refuse({ file, tensor: name }, "the format keeps this name for itself");
    const end = begin + countBytes(name, dtype, shape, file);
    entries.push({ name, dtype, shape, begin, end });
    fields.push([name, { dtype, shape, data_offsets: [begin, end] }]);
    begin = end;
  }
  // Joined by hand, because an object would move names that look like numbers to its front.
  const json = Buffer.from(`{${fields.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`);
  const dataStart = Math.ceil((LENGTH_BYTES + json.length) / 8) * 8;
  if (dataStart - LENGTH_BYTES > MAX_HEADER_BYTES)
    refuse({ file }, `the header would have ${json.length} bytes; the limit is ${MAX_HEADER_BYTES}`);
  const bytes = new Uint8Array(dataStart).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(dataStart - LENGTH_BYTES), true);
  bytes.set(json, LENGTH_BYTES);
  return { bytes, header: { tensors: entries, metadata, dataStart } };
}

function parseFields(json: Uint8Array, file: string): JsonObject {
  const where = { file, byte: LENGTH_BYTES };
  if (json[0] !== 0x7b) {
    const found = json.length === 0 ? "nothing" : `the byte 0x${(json[0] as number).toString(16).padStart(2, "0")}`;
    refuse(where, `the header begins with ${found}, wanted "{"`);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(json);
  } catch {
    return refuse(where, "the header is not UTF-8");
  }
  try {
    return parseJson(text) as JsonObject; // a JSON text that begins with { is an object
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    const byte = LENGTH_BYTES + Buffer.byteLength(text.slice(0, error.position));
    return refuse({ file, byte }, `the header is not valid JSON at byte ${byte}: ${error.message}`);
  }
}

function parseMetadata(value: Json | undefined, file: string): Record<string, string> {
  if (value === undefined) return {};
  if (!isObject(value)) return refuse({ file }, `${METADATA} is ${show(value)}, wanted an object of strings`);
  for (const [key, entry] of Object.entries(value)) {
    if (typeof entry !== "string") refuse({ file }, `${METADATA} has ${show(entry)} under ${JSON.stringify(key)}, wanted a string`);
  }
  return value as Record<string, string>; // every value has just been checked
}

function parseEntry(name: string, value: Json, file: string): Entry {
  const where = { file, tensor: name };
  if (!isObject(value)) return refuse(where, `its entry is ${show(value)}, wanted an object with dtype, shape and data_offsets`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string") return refuse(where, `its dtype is ${show(dtype)}, wanted a string`);
  if (!isDType(dtype)) {
    throw new SecateurError("unsupported", `${file}: tensor ${JSON.stringify(name)}: its dtype ${dtype} is not supported`, { where });
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    return refuse(where, `its shape is ${show(shape)}, wanted an array of whole numbers from 0 to ${Number.MAX_SAFE_INTEGER}`);
  }
  if (shape.length > MAX_AXES) refuse(where, `its shape has ${shape.length} axes; the limit is ${MAX_AXES}`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || (offsets[0] as number) > (offsets[1] as number)) {
    return refuse(where, `its data_offsets are ${show(offsets)}, wanted [begin, end] with 0 ≤ begin ≤ end`);
  }
  const [begin, end] = offsets as [number, number];
  const bytes = countBytes(name, dtype, shape, file);
  if (end - begin !== bytes) {
    refuse(
      where,
      `its data_offsets [${begin}, ${end}] hold ${end - begin} bytes, but ${dtype} of shape [${shape.join(", ")}] takes ${bytes}`,
    );
  }
  return { name, dtype, shape, begin, end };
}

function countBytes(name: string, dtype: DType, shape: readonly number[], file: string): number {
  let bytes = bytesPerElement(dtype);
  for (const size of shape) {
    bytes *= size;
    if (bytes > Number.MAX_SAFE_INTEGER)
      refuse({ file, tensor: name }, `its shape [${shape.join(", ")}] has more elements than can be counted`);
  }
  return bytes;
}

/** Tensors, sorted by offset, follow each other from 0 to the end of the data. */
function checkLayout(tensors: readonly Entry[], dataBytes: number, dataStart: number, file: string): void {
  let end = 0;
  let fault: (() => never) | undefined;
  let previous = "";
  for (const entry of tensors) {
    const where = { file, tensor: entry.name, byte: dataStart + entry.begin };
    if (entry.begin < end) {
      const other = previous;
      fault ??= () => refuse(where, `its data begins at ${entry.begin}, inside that of tensor ${JSON.stringify(other)}`);
    } else if (entry.begin > end) {
      const hole = end;
      fault ??= () => refuse(where, `its data begins at ${entry.begin}, but the bytes from ${hole} on belong to no tensor`);
    }
    if (entry.end > dataBytes && fault !== undefined) {
      refuse(where, `its data_offsets [${entry.begin}, ${entry.end}] reach past the ${dataBytes} bytes of data that the file has`);
    }
    if (entry.end >= end) previous = entry.name;
    end = Math.max(end, entry.end);
  }
  fault?.();
  if (end > dataBytes) {
    const cut = tensors.find((entry) => entry.end > dataBytes) as Entry; // the last one, if no other
    const where = { file, tensor: cut.name, byte: dataStart + dataBytes };
    refuse(where, `the file is truncated: it has ${dataBytes} of the ${end} bytes of data that its header describes`);
  }
  if (end < dataBytes) refuse({ file, byte: dataStart + end }, `the last ${dataBytes - end} bytes of the file belong to no tensor`);
}

function isCount(value: Json): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function show(value: Json | undefined): string {
  if (value === undefined) return "missing";
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function refuse(where: Where, message: string): never {
  const tensor = where.tensor === undefined ? "" : ` tensor ${JSON.stringify(where.tensor)}:`;
  throw new SecateurError("format", `${where.file}:${tensor} ${message}`, { where });
}
