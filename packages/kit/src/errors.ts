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
  /** 1-based line of a text file, or row of a table without lines. */
  readonly line?: number;
  readonly tensor?: string;
  /** Byte offset in the file. */
  readonly byte?: number;
}

// Shared by every copy of this file in a process.
const MARK = Symbol.for("@secateur/kit: SecateurError");

/**
 * The error of every package: the message says what was found, what was wanted and where; `code` and `where` say it to programs. A program and the plugins of
 * its user may each have a copy of this package: `instanceof SecateurError` holds for the errors of all copies.
 */
export class SecateurError extends Error {
  readonly code: ErrorCode;
  readonly where: Where;
  constructor(code: ErrorCode, message: string, options: { readonly where?: Where; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "SecateurError";
    this.code = code;
    this.where = options.where ?? {};
    Object.defineProperty(this, MARK, { value: true });
  }

  /** Whether a value is an error of any copy of this class; of a class that extends it, as usual. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    const marked = typeof value === "object" && value !== null && MARK in value;
    // biome-ignore lint/complexity/noThisInStatic: the class that is asked for; one that extends this one has no copies, and is asked the usual question
    return this === SecateurError ? marked : Function.prototype[Symbol.hasInstance].call(this, value);
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
