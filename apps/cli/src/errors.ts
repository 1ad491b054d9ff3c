import { type ErrorCode, isUserError, SecateurError, type Where } from "@secateur/kit";

/** What a command ends with: done, failed, wrong usage or input, interrupted. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** An error as plain data, fit to be sent between processes. */
export interface ErrorReport {
  readonly code: ErrorCode;
  readonly message: string;
  readonly where: Where;
  readonly stack: string | undefined;
}

/** An error of the command line: with lines of advice, and the stack of where it arose when that was in another process. */
export class CommandError extends SecateurError {
  readonly hints: readonly string[];
  constructor(report: Pick<ErrorReport, "code" | "message"> & Partial<ErrorReport>, hints: readonly string[] = []) {
    super(report.code, report.message, report.where === undefined ? {} : { where: report.where });
    this.name = "CommandError";
    this.hints = hints;
    if (report.stack !== undefined) this.stack = report.stack;
  }
}

/** Any thrown value as a report. What the system refuses (a full disk, a folder without permission) is `io`; what nobody foresaw is `internal`. */
export function reportOf(error: unknown): ErrorReport {
  if (error instanceof SecateurError) return { code: error.code, message: error.message, where: error.where, stack: stackOf(error) };
  if (!(error instanceof Error)) return { code: "internal", message: String(error), where: {}, stack: undefined };
  const { syscall, path } = error as NodeJS.ErrnoException;
  return {
    code: syscall === undefined ? "internal" : "io",
    message: error.message,
    where: path === undefined ? {} : { file: path },
    stack: error.stack,
  };
}

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

/** The stack with those of the causes below it. */
function stackOf(error: Error): string | undefined {
  return error.cause instanceof Error ? `${error.stack}\ncaused by: ${stackOf(error.cause)}` : error.stack;
}
