import { randomUUID } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CommandError, type RunningJob, reportOf, startJob } from "@secateur/engine";
import type { Database } from "../database/database.ts";
import type { Home } from "../home.ts";
import { HttpError } from "../http-error.ts";
import { RESULT } from "../library/results.ts";
import type { Log } from "../log.ts";
import { hidePaths } from "./hide-paths.ts";
import { createProgressLog, type ProgressLog } from "./progress.ts";
import type { Queue } from "./queue.ts";
import { type EngineRequest, type Place, type Places, requestOf } from "./recipe.ts";
import { beatJob, claimJob, type Ending, finishJob, type Job, type JobEvent, releaseJobs } from "./store.ts";

/** What a worker works with. */
export interface WorkerOptions {
  readonly database: Database;
  readonly queue: Queue;
  readonly home: Home;
  /** What ids stand for at the time. */
  places(): Promise<Places>;
  readonly version: string;
  readonly log: Log;
  readonly jobHours: number;
}

/** Does jobs of the queue, one at a time. */
export interface Worker {
  /** Stops the job at hand, which goes back to the queue with what is done of it. */
  stop(): void;
}

// A client's wish to stop is seen so often.
const WATCH_MS = 300;
// So long may a cancelled job take to end by itself; then its process is killed.
const CANCEL_GRACE_MS = 300;
// A process of a killed server may be at work for a moment yet.
const LOCKED_MS = 500;
const LOCKED_TRIES = 60;

/** Why a job is stopped before its end. */
type Stop = "cancelled" | "lost" | "shutdown" | "time";

/** How a run is followed. */
interface Following {
  readonly tell: ProgressLog["tell"];
  /** Of what it reads and writes, path → name. */
  readonly names: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
}

/** Begins to work. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { database, queue, log } = options;
  const worker = randomUUID();
  let stopped = false;
  let stopCurrent: (why: Stop) => void = () => {};

  await queue.take(async (id) => {
    if (stopped) return database.transaction((sql) => queue.putBack([id], sql));
    const job = await database.transaction((sql) => claimJob(sql, id, worker));
    if (job === undefined) return;
    if ((await work(job)) !== "shutdown") return;
    await database.transaction(async (sql) => queue.putBack(await releaseJobs(sql, { worker }), sql));
  });

  async function work(job: Job): Promise<Stop | undefined> {
    const started = performance.now();
    const stopping = new AbortController();
    stopCurrent = (why) => stopping.abort(why);
    log.info({ job: job.id, kind: job.input.kind, attempt: job.attempts }, "job begins");
    const ending = await endOf(job, stopping.signal);
    const seconds = Math.round((performance.now() - started) / 1000);
    const why = stopping.signal.reason as Stop | undefined;
    if (ending === undefined) {
      log.info({ job: job.id, seconds, why }, "job is left");
      return why;
    }
    const own = (await beatJob(database, job.id, worker)) !== undefined;
    if (own && ending.state !== "done") await rm(join(options.home.jobs, job.id), { recursive: true, force: true });
    await database.transaction((sql) => finishJob(sql, job.id, worker, ending));
    log.info({ job: job.id, seconds, state: ending.state, ...(ending.state === "failed" && { code: ending.error.code }) }, "job ends");
    return why;
  }

  /** How a job ends; undefined where it is another process's to end. */
  async function endOf(job: Job, signal: AbortSignal): Promise<Ending | undefined> {
    try {
      return { state: "done", result: await carryOut(job, signal) };
    } catch (error) {
      const why = signal.aborted ? (signal.reason as Stop) : undefined;
      if (why === "cancelled") return { state: "cancelled" };
      if (why === "lost" || why === "shutdown") return undefined;
      if (why === "time")
        return { state: "failed", error: { code: "cancelled", message: `the job took longer than ${options.jobHours} hours` } };
      const { code, message, stack } =
        error instanceof HttpError ? { code: "not-found" as const, message: error.message, stack: undefined } : reportOf(error);
      if (code === "internal") log.error({ job: job.id, stack }, "job fails unforeseen");
      return { state: "failed", error: { code, message } };
    }
  }

  async function carryOut(job: Job, signal: AbortSignal): Promise<unknown> {
    const folder = join(options.home.jobs, job.id);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const out = join(folder, RESULT[job.input.kind]);
    const names = new Map([[folder, job.id]]);
    const request = requestOf(job.input, out, noted(await options.places(), names), options.version);
    try {
      return await carryOutIn(job, request, { out, names, signal });
    } catch (error) {
      const { code, message, stack } = reportOf(error);
      throw new CommandError({ code, message: hidePaths(message, names), stack });
    }
  }

  async function carryOutIn(
    job: Job,
    request: EngineRequest,
    { out, names, signal }: { readonly out: string; readonly names: ReadonlyMap<string, string>; readonly signal: AbortSignal },
  ): Promise<unknown> {
    const progress = createProgressLog(database, job.id, (error) =>
      log.error({ job: job.id, error: String(error) }, "progress is not kept"),
    );
    const told: ProgressLog["tell"] = (event) => progress.tell(hidePaths(event, names));
    const result = hidePaths(await runWatched(job, request, { tell: told, names, signal }), names);
    await progress.flush();
    if (job.input.kind === "eval") await writeFile(out, `${JSON.stringify(result, null, 2)}\n`);
    return result;
  }

  async function runWatched(job: Job, request: EngineRequest, following: Following): Promise<unknown> {
    const { signal } = following;
    const deadline = performance.now() + options.jobHours * 3_600_000;
    const watching = setInterval(() => void watch(), WATCH_MS);
    async function watch(): Promise<void> {
      if (performance.now() > deadline) return stopCurrent("time");
      const cancelling = await beatJob(database, job.id, worker).catch(() => false); // the database may be back in a moment
      if (cancelling !== false) stopCurrent(cancelling ? "cancelled" : "lost");
    }
    try {
      for (let tries = 1; ; tries++) {
        try {
          return await runOnce(request, following);
        } catch (error) {
          if (signal.aborted || reportOf(error).code !== "exists" || tries === LOCKED_TRIES) throw error;
          await sleep(LOCKED_MS);
        }
      }
    } finally {
      clearInterval(watching);
    }
  }

  async function runOnce({ job, request }: EngineRequest, { tell, names, signal }: Following): Promise<unknown> {
    signal.throwIfAborted();
    const onEvent = (event: JobEvent): void => {
      if (event.type !== "partial") tell(event); // where it is kept is the server's own business
    };
    // The request is the job's, which the union cannot see.
    const running = startJob(job, request as never, { onEvent: onEvent as never, names }) as RunningJob<typeof job>;
    const stop = (): void => running.stop(signal.reason === "shutdown" ? undefined : CANCEL_GRACE_MS);
    signal.addEventListener("abort", stop, { once: true });
    try {
      return await running.result;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** The same places, whose names are noted: nothing that a client sees tells the paths of the server. */
  function noted(places: Places, names: Map<string, string>): Places {
    const note = (place: Place): Place => {
      names.set(place.path, place.name);
      return place;
    };
    return {
      model: (id) => note(places.model(id)),
      data: (id) => note(places.data(id)),
      statistics: (id) => note(places.statistics(id)),
    };
  }

  return {
    stop() {
      stopped = true;
      stopCurrent("shutdown");
    },
  };
}
