/**
 * The codes of errors that a user can meet. `usage`, `input`, `not-found`, `format`, `data`, `unsupported`, `exists` and `plugin` say that what
 * was asked for or given is wrong; `numeric`, `backend`, `io` and `internal` that the work failed; `cancelled` that it was stopped.
 */
export type ErrorCode =
  | "usage"
  | "input"
  | "not-found"
  | "format"
  | "data"
  | "unsupported"
  | "exists"
  | "plugin"
  | "numeric"
  | "backend"
  | "io"
  | "internal"
  | "cancelled";

/** Where something was found to be wrong. */
export interface Where {
  readonly file?: string;
  /** 1-based line of a text file. */
  readonly line?: number;
  readonly tensor?: string;
  /** Byte offset in the file. */
  readonly byte?: number;
}

/** The error of every package: the message says what was found, what was wanted and where; `code` and `where` say it to programs. */
export class SecateurError extends Error {
  readonly code: ErrorCode;
  readonly where: Where;
  constructor(code: ErrorCode, message: string, options: { readonly where?: Where; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "SecateurError";
    this.code = code;
    this.where = options.where ?? {};
  }
}

/** Whether an error says that the user's request or input is wrong, as against work that failed. */
export function isUserError(error: unknown): boolean {
  return (
    error instanceof SecateurError &&
    ["usage", "input", "not-found", "format", "data", "unsupported", "exists", "plugin"].includes(error.code)
  );
}

/** Throws a `cancelled` error when the signal has been aborted. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new SecateurError("cancelled", "the run was cancelled", { cause: signal.reason });
}
