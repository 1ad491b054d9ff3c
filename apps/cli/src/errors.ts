import { CommandError, reportOf } from "@secateur/engine";
import { isUserError, SecateurError } from "@secateur/kit";

/** What a command ends with: done, failed, wrong usage or input, interrupted. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** The exit code that an error leads to. */
export function exitCodeOf(error: unknown): number {
  if (isUserError(error)) return EXIT.usage;
  return error instanceof SecateurError && error.code === "cancelled" ? EXIT.interrupted : EXIT.failed;
}

/** An error for a person: one sentence, lines of advice below it, and the stack when it is wanted. */
export function errorText(error: unknown, debug: boolean): string {
  const { code, message, stack } = reportOf(error);
  const hints = error instanceof CommandError ? error.hints : [];
  const advice = code === "internal" && !debug ? [...hints, "SECATEUR_DEBUG=1 shows where this arose"] : hints;
  const lines = [code === "cancelled" ? message : `error: ${message}`, ...advice.map((hint) => `  ${hint}`)];
  return `${(debug && stack !== undefined ? [...lines, stack] : lines).join("\n")}\n`;
}
