import { type ErrorCode, type Origin, SecateurError } from "@secateur/kit";

/** An error about a row, whose message begins with the file and the line; without an origin it is the message alone. */
export function errorAt(code: ErrorCode, origin: Origin | undefined, what: string, cause?: unknown): SecateurError {
  const message = origin === undefined ? what : `${origin.source}, line ${origin.line}: ${what}`;
  return new SecateurError(code, message, {
    ...(origin === undefined ? {} : { where: { file: origin.source, line: origin.line } }),
    ...(cause === undefined ? {} : { cause }),
  });
}
