import { SecateurError } from "@secateur/kit";

/** Statuses that a request's own faults are answered with, and those of the server's. */
export type ErrorStatus = 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 416 | 421 | 429 | 500 | 503 | 507;

/** What a request is refused with. */
export class HttpError extends Error {
  readonly status: ErrorStatus;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The field of the request that is at fault. */
  readonly param: string | undefined;
  constructor(status: ErrorStatus, code: string, message: string, headers: Readonly<Record<string, string>> = {}, param?: string) {
    super(message);
    this.name = "HttpError";
    this.status = status;
    this.code = code;
    this.headers = headers;
    this.param = param;
  }
}

/** The body of every answer that is no success. */
export interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string };
}

/** Any thrown value as what a client is told; what nobody foresaw says nothing of itself. */
export function httpErrorOf(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof SecateurError && error.code !== "internal") return new HttpError(statusOf(error), error.code, error.message);
  return new HttpError(500, "internal", "the server failed to answer: its log says why");
}

function statusOf({ code }: SecateurError): ErrorStatus {
  if (code === "not-found") return 404;
  if (code === "exists") return 409;
  return code === "io" || code === "backend" || code === "numeric" || code === "cancelled" ? 500 : 400;
}
