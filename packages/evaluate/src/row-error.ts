import { type Origin, SecateurError } from "@secateur/kit";

/** An error about a row of data, whose message begins with the file and the line. */
export function rowError({ source, line }: Origin, what: string): SecateurError {
  return new SecateurError("data", `${source}, line ${line}: ${what}`, { where: { file: source, line } });
}
