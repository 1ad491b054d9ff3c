import { type Api, ApiError } from "./client.ts";
import { readEvents } from "./event-stream.ts";
import { isFinal, type JobState } from "./types.ts";

/** What a job tells: its states, and what the engine tells on the way. */
export interface JobEvent {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** How a job is followed. */
export interface FollowOptions {
  readonly onEvent: (event: JobEvent) => void;
  /** Told whether events come, or the next try is waited for. */
  readonly onConnection: (connected: boolean) => void;
  readonly signal: AbortSignal;
  /** How long is waited before try number 1, 2 … after a cut. */
  readonly delayMs?: (attempt: number) => number;
}

const backOff = (attempt: number): number => Math.min(10_000, 500 * 2 ** attempt);

/**
 * Follows a job's events until its state is for good or the signal is given, and goes on behind the last one after a cut. Throws ApiError for what the server
 * refuses.
 */
export async function followJob(api: Pick<Api, "send">, job: string, options: FollowOptions): Promise<void> {
  const { onEvent, onConnection, signal, delayMs = backOff } = options;
  let last = "";
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      const headers: Record<string, string> = last === "" ? {} : { "Last-Event-ID": last };
      const response = await api.send(`/api/jobs/${job}/events`, { headers, signal });
      if (response.status === 204 || response.body === null) return;
      onConnection(true);
      for await (const { id, type, data } of readEvents(response.body)) {
        [last, attempt] = [id, 0];
        const event: JobEvent = { ...(JSON.parse(data) as object), type };
        onEvent(event);
        if (type === "state" && isFinal(event.state as JobState)) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && error.status < 500) throw error;
    }
    onConnection(false);
    await pause(delayMs(attempt), signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
