import { errorAt, type Origin, type SecateurError } from "@secateur/kit";

/** An error about a row of data, whose message begins with the file and the line. */
export function rowError(origin: Origin, what: string): SecateurError {
  return errorAt("data", origin, what);
}
