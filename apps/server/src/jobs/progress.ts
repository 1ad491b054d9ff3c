import type { Database } from "../database/database.ts";
import { appendEvent, type JobEvent, PASSING } from "./store.ts";

/** Keeps what a running job tells. */
export interface ProgressLog {
  tell(event: JobEvent): void;
  /** Resolves once everything that was told is kept. */
  flush(): Promise<void>;
}

const EVERY_MS = 500;

/** Keeps a job's events in their order; of what says only how far it is, one now and then. What goes wrong is told to `onError`. */
export function createProgressLog(database: Database, job: string, onError: (error: unknown) => void): ProgressLog {
  let kept: Promise<void> = Promise.resolve();
  let latest: JobEvent | undefined;
  let timer: NodeJS.Timeout | undefined;

  function keep(event: JobEvent): void {
    kept = kept.then(() => database.transaction((sql) => appendEvent(sql, job, event))).catch(onError);
  }
  function keepLatest(): void {
    clearTimeout(timer);
    timer = undefined;
    if (latest !== undefined) keep(latest);
    latest = undefined;
  }
  return {
    tell(event) {
      if (PASSING.includes(event.type)) {
        latest = event;
        timer ??= setTimeout(keepLatest, EVERY_MS);
        return;
      }
      keepLatest();
      keep(event);
    },
    async flush() {
      keepLatest();
      await kept;
    },
  };
}
