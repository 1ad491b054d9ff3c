import { SecateurError } from "@secateur/kit";

/** Calls tfjs: what goes wrong there is SecateurError `backend`. */
export function inTfjs<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    return failed(what, cause);
  }
}

/** Throws SecateurError `backend` for what tfjs threw. */
export function failed(what: string, cause: unknown): never {
  if (cause instanceof SecateurError) throw cause;
  throw new SecateurError("backend", `tfjs cannot ${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
}
