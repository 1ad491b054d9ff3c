import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "../database/database.ts";
import { eventsAfter, type StoredEvent } from "./store.ts";

/** What jobs tell, to many readers: however many there are, the database is asked once for all of them. */
export interface Feed {
  /** The events of a job after a number, as they come, until its state is final, the signal is given or the feed is closed. */
  follow(job: string, after: number, signal: AbortSignal): AsyncGenerator<StoredEvent, void, undefined>;
  close(): void;
}

interface Reader {
  readonly job: string;
  seq: number;
  readonly events: StoredEvent[];
  wake(): void;
}

const POLL_MS = 200;

/** Makes the feed of a database's jobs. It asks only while somebody reads; what goes wrong then is told to `onError`. */
export function createFeed(sql: Sql, onError: (error: unknown) => void): Feed {
  const readers = new Set<Reader>();
  let closed = false;
  let asking = false;

  async function ask(): Promise<void> {
    if (asking) return;
    asking = true;
    while (readers.size > 0 && !closed) {
      await askOnce().catch(onError);
      await sleep(POLL_MS);
    }
    asking = false;
  }

  async function askOnce(): Promise<void> {
    const after = new Map<string, number>();
    for (const { job, seq } of readers) after.set(job, Math.min(seq, after.get(job) ?? seq));
    const found = await eventsAfter(sql, after);
    for (const reader of readers) {
      const fresh = (found.get(reader.job) ?? []).filter(({ seq }) => seq > reader.seq);
      if (fresh.length === 0) continue;
      reader.events.push(...fresh);
      reader.seq = fresh.at(-1)?.seq ?? reader.seq;
      reader.wake();
    }
  }

  return {
    async *follow(job, after, signal) {
      let wake = (): void => {};
      const reader: Reader = { job, seq: after, events: [], wake: () => wake() };
      readers.add(reader);
      signal.addEventListener("abort", reader.wake);
      void ask();
      try {
        while (!signal.aborted && !closed) {
          const event = reader.events.shift();
          if (event !== undefined) {
            yield event;
            if (event.event.type === "state" && /^(?:done|failed|cancelled)$/.test(String(event.event.state))) return;
            continue;
          }
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      } finally {
        readers.delete(reader);
        signal.removeEventListener("abort", reader.wake);
      }
    },
    close() {
      closed = true;
      for (const { wake } of readers) wake();
    },
  };
}
