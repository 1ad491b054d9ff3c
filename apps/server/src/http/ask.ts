import { type JobName, type Jobs, startJob } from "@secateur/engine";
import { HttpError } from "../http-error.ts";

/** Asks the engine something small, in a process of its own: what reads a client's files is not the server. */
export type Ask = <K extends JobName>(job: K, request: Jobs[K]["request"]) => Promise<Jobs[K]["result"]>;

// What takes longer is not waited for.
const PATIENCE_MS = 30_000;

/** Makes the way to ask, at most so many things at once. Throws what the engine throws, and HttpError 503 when there is too much to do. */
export function createAsk(atOnce: number): Ask {
  let asked = 0;
  return async (job, request) => {
    if (asked >= atOnce) throw new HttpError(503, "busy", "too much is being looked at: try again in a moment", { "Retry-After": "2" });
    asked++;
    const running = startJob(job, request);
    const timer = setTimeout(() => running.stop(0), PATIENCE_MS);
    try {
      return await running.result;
    } finally {
      clearTimeout(timer);
      asked--;
    }
  };
}
