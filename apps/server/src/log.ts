import { type Logger, pino } from "pino";

/** Writes lines of JSON: what happened and how it went, never what is in requests or data. */
export type Log = Pick<Logger, "info" | "warn" | "error">;

/** A log on standard output. */
export function createLog(): Log {
  return pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (level) => ({ level }) } },
    pino.destination({ fd: 1, sync: true }),
  );
}
