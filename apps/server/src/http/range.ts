import { HttpError } from "../http-error.ts";

/** Bytes of a file, both ends included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * The bytes that a Range header asks for; undefined for all of them: without a header, for other units and for several ranges at once, as RFC 9110 (14.2) lets a
 * server do. Throws HttpError 416 for a range that is malformed or outside of the file.
 */
export function rangeOf(header: string | undefined, bytes: number): ByteRange | undefined {
  if (header === undefined || !/^bytes\s*=/i.test(header) || header.includes(",")) return undefined;
  const [, from = "", to = ""] = /^bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header) ?? [];
  const range =
    from === ""
      ? { first: Math.max(0, bytes - Number(to)), last: bytes - 1 }
      : { first: Number(from), last: to === "" ? bytes - 1 : Math.min(Number(to), bytes - 1) };
  if ((from === "" && Number(to) === 0) || !(range.first <= range.last) || range.first >= bytes) {
    throw new HttpError(416, "range", `no such range: the file has ${bytes} bytes`, { "Content-Range": `bytes */${bytes}` });
  }
  return range;
}
