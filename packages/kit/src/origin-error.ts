import type { Origin } from "./document.ts";
import { type ErrorCode, SecateurError } from "./errors.ts";

/** Where a document came from, for messages: `mbpp.jsonl, line 7`. */
export function placeOf({ source, line, unit = "line" }: Origin): string {
  return `${source}, ${unit} ${line}`;
}

/** An error about a document or a row, whose message begins with its place; without an origin it is the message alone. */
export function errorAt(code: ErrorCode, origin: Origin | undefined, what: string, cause?: unknown): SecateurError {
  if (origin === undefined) return new SecateurError(code, what, { cause });
  return new SecateurError(code, `${placeOf(origin)}: ${what}`, { where: { file: origin.source, line: origin.line }, cause });
}
