import { type ErrorCode, SecateurError, type Where } from "@secateur/kit";

/** An error as plain data, fit to be sent between processes. */
export interface ErrorReport {
  readonly code: ErrorCode;
  readonly message: string;
  readonly where: Where;
  readonly stack: string | undefined;
}

/** An error for whoever gave the command: with lines of advice, and the stack of where it arose when that was in another process. */
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

/** The stack with those of the causes below it. */
function stackOf(error: Error): string | undefined {
  return error.cause instanceof Error ? `${error.stack}\ncaused by: ${stackOf(error.cause)}` : error.stack;
}
