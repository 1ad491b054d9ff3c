import { randomUUID } from "node:crypto";
import type { ErrorReport } from "@secateur/engine";
import type { Row, Sql } from "../database/database.ts";
import type { JobInput } from "./recipe.ts";

/** Where a job stands; the last three are for good. */
export type JobState = "queued" | "running" | "done" | "failed" | "cancelled";

/** A job as it is kept. */
export interface Job {
  readonly id: string;
  readonly input: JobInput;
  readonly state: JobState;
  /** A client has asked to stop it. */
  readonly cancelling: boolean;
  readonly result: unknown;
  readonly error: Pick<ErrorReport, "code" | "message"> | undefined;
  readonly createdAt: Date;
  readonly startedAt: Date | undefined;
  readonly finishedAt: Date | undefined;
  /** How often it has been taken up. */
  readonly attempts: number;
}

/** What a job has told, numbered from 1 as long as the job is there. */
export interface StoredEvent {
  readonly seq: number;
  readonly event: JobEvent;
}

/** What a job tells: its states, and what the engine tells on the way. */
export interface JobEvent {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** How a job ends. */
export type Ending =
  | { readonly state: "done"; readonly result: unknown }
  | { readonly state: "failed"; readonly error: Pick<ErrorReport, "code" | "message"> }
  | { readonly state: "cancelled" };

/** Whether a state is for good. */
export function isFinal(state: JobState): boolean {
  return state === "done" || state === "failed" || state === "cancelled";
}

/** Puts a job down as waiting. */
export async function insertJob(sql: Sql, { kind, recipe }: JobInput): Promise<string> {
  const id = randomUUID();
  await sql.query("insert into secateur.jobs (id, kind, recipe, state) values ($1, $2, $3, 'queued')", [id, kind, jsonText(recipe)]);
  await appendEvent(sql, id, { type: "state", state: "queued" });
  return id;
}

/** A job by its id; undefined where there is none. */
export async function findJob(sql: Sql, id: string): Promise<Job | undefined> {
  const [row] = await sql.query("select * from secateur.jobs where id = $1", [id]);
  return row && jobOf(row);
}

/** Jobs without their results, which may be megabytes each, the latest first. */
export async function listJobs(sql: Sql, limit: number): Promise<Job[]> {
  const rows = await sql.query(
    `select id, kind, recipe, state, cancelling, error, created_at, started_at, finished_at, attempts
     from secateur.jobs order by created_at desc, id limit $1`,
    [limit],
  );
  return rows.map(jobOf);
}

/** State → how many jobs are in it. */
export async function countJobs(sql: Sql): Promise<ReadonlyMap<JobState, number>> {
  const rows = await sql.query("select state, count(*)::int as jobs from secateur.jobs group by state");
  return new Map(rows.map(({ state, jobs }) => [state as JobState, jobs as number]));
}

/** Takes a waiting job for a worker; undefined where it is no longer waiting. */
export async function claimJob(sql: Sql, id: string, worker: string): Promise<Job | undefined> {
  const [row] = await sql.query(
    `update secateur.jobs set state = 'running', worker = $2, beat_at = now(), attempts = attempts + 1, started_at = coalesce(started_at, now())
     where id = $1 and state = 'queued' returning *`,
    [id, worker],
  );
  if (row === undefined) return undefined;
  await appendEvent(sql, id, { type: "state", state: "running", attempt: row.attempts });
  return jobOf(row);
}

/** Says that a worker is still at a job. Gives whether it is to stop; undefined where the job is no longer that worker's. */
export async function beatJob(sql: Sql, id: string, worker: string): Promise<boolean | undefined> {
  const [row] = await sql.query(
    "update secateur.jobs set beat_at = now() where id = $1 and worker = $2 and state = 'running' returning cancelling",
    [id, worker],
  );
  return row?.cancelling as boolean | undefined;
}

/** Ends a worker's job; gives whether it still was that worker's. */
export async function finishJob(sql: Sql, id: string, worker: string, ending: Ending): Promise<boolean> {
  const { state } = ending;
  const result = ending.state === "done" ? jsonText(ending.result) : null;
  const error = ending.state === "failed" ? jsonText(ending.error) : null;
  const rows = await sql.query(
    `update secateur.jobs set state = $3, result = $4, error = $5, worker = null, finished_at = now()
     where id = $1 and worker = $2 and state = 'running' returning id`,
    [id, worker, state, result, error],
  );
  if (rows.length === 0) return false;
  await appendEvent(sql, id, { type: "state", state, ...(ending.state === "failed" && { error: ending.error }) });
  return true;
}

/** Puts running jobs back to wait: those of one worker, or those of workers that have said nothing for `seconds`. Gives their ids. */
export async function releaseJobs(sql: Sql, whose: { readonly worker: string } | { readonly silentSeconds: number }): Promise<string[]> {
  const [condition, value] =
    "worker" in whose ? ["worker = $1", whose.worker] : ["beat_at <= now() - make_interval(secs => $1)", whose.silentSeconds];
  const rows = await sql.query(
    `update secateur.jobs set state = 'queued', worker = null where state = 'running' and ${condition} returning id`,
    [value],
  );
  for (const { id } of rows) await appendEvent(sql, id as string, { type: "state", state: "queued" });
  return rows.map(({ id }) => id as string);
}

/** Jobs that have been waiting for more than `seconds`. */
export async function waitingJobs(sql: Sql, seconds: number): Promise<string[]> {
  const rows = await sql.query("select id from secateur.jobs where state = 'queued' and created_at <= now() - make_interval(secs => $1)", [
    seconds,
  ]);
  return rows.map(({ id }) => id as string);
}

/** Cancels a job that waits, and asks the worker of one that runs to stop it. Gives the state that it is in then; undefined where there is no such job. */
export async function cancelJob(sql: Sql, id: string): Promise<JobState | undefined> {
  const [row] = await sql.query(
    `update secateur.jobs set cancelling = true, state = case state when 'queued' then 'cancelled' else state end,
       finished_at = case state when 'queued' then now() else finished_at end
     where id = $1 and state in ('queued', 'running') returning state`,
    [id],
  );
  if (row?.state === "cancelled") await appendEvent(sql, id, { type: "state", state: "cancelled" });
  return (row?.state ?? (await findJob(sql, id))?.state) as JobState | undefined;
}

/** Forgets a finished job; gives whether it was there and finished. */
export async function deleteJob(sql: Sql, id: string): Promise<boolean> {
  return (
    (await sql.query("delete from secateur.jobs where id = $1 and state in ('done', 'failed', 'cancelled') returning id", [id])).length > 0
  );
}

/** What says only how far a job is: a later one of the kind takes its place. */
export const PASSING: readonly string[] = ["progress", "measure", "share"];

/** Adds an event to those of a job. */
export async function appendEvent(sql: Sql, job: string, event: JobEvent): Promise<void> {
  await sql.query(
    "insert into secateur.events (job, seq, event) select $1, coalesce(max(seq), 0) + 1, $2::jsonb from secateur.events where job = $1",
    [job, jsonText(event)],
  );
  if (!PASSING.includes(event.type)) return;
  await sql.query(
    `delete from secateur.events where job = $1 and event->>'type' = any($2::text[])
       and seq < (select max(seq) from secateur.events where job = $1)`,
    [job, PASSING],
  );
}

/** The events of jobs that come after these numbers, by job, in order. */
export async function eventsAfter(sql: Sql, after: ReadonlyMap<string, number>): Promise<ReadonlyMap<string, readonly StoredEvent[]>> {
  const wanted = [...after].map(([job, seq]) => ({ job, seq }));
  const rows = await sql.query(
    `select e.job, e.seq, e.event from secateur.events e join jsonb_to_recordset($1::jsonb) as w(job uuid, seq int)
     on e.job = w.job and e.seq > w.seq order by e.job, e.seq`,
    [JSON.stringify(wanted)],
  );
  const found = new Map<string, StoredEvent[]>();
  for (const { job, seq, event } of rows) {
    const events = found.get(job as string) ?? [];
    found.set(job as string, events);
    events.push({ seq: seq as number, event: event as JobEvent });
  }
  return found;
}

/** A value as jsonb takes it: with U+FFFD for what that refuses in texts, zero characters and halves of surrogate pairs. Data and messages may have both. */
function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(/\\(?:u(?:0000|d[89a-f]..)|.)/g, (found) => (found.length > 2 ? "\\ufffd" : found));
}

function jobOf(row: Row): Job {
  return {
    id: row.id as string,
    input: { kind: row.kind, recipe: row.recipe } as JobInput, // as `insertJob` wrote it
    state: row.state as JobState,
    cancelling: row.cancelling as boolean,
    result: row.result ?? undefined,
    error: (row.error ?? undefined) as Job["error"],
    createdAt: row.created_at as Date,
    startedAt: (row.started_at ?? undefined) as Date | undefined,
    finishedAt: (row.finished_at ?? undefined) as Date | undefined,
    attempts: row.attempts as number,
  };
}
