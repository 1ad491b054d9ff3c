import PgBoss from "pg-boss";
import type { Database, Sql } from "../database/database.ts";

/** The order in which jobs are done, shared by all processes of a database. */
export interface Queue {
  /** Puts a job in; with `sql`, together with what else that does. */
  add(id: string, sql: Sql): Promise<void>;
  /** Puts jobs back in that are no longer worked at, before all others; one that is in twice is found done the second time. */
  putBack(ids: readonly string[], sql: Sql): Promise<void>;
  /** Those of these jobs that nobody will be given: they were handed out more than `seconds` ago to a process that ended before it took them up. */
  stranded(ids: readonly string[], seconds: number, sql: Sql): Promise<readonly string[]>;
  /** Calls `work` for one job after another until the queue is closed; a job is out when that resolves, and goes back when it throws. */
  take(work: (id: string) => Promise<void>): Promise<void>;
  /** Takes no more, waits for the work at hand, and ends. */
  close(): Promise<void>;
}

const NAME = "jobs";
// Longer than a job may take.
const EXPIRE_HOURS = 23;
// What is wrong with a job fails it at once; only a database that does not answer makes the taking of one fail.
const RETRIES = 1_000_000;
const POLL_SECONDS = 0.5;
const CLOSE_MS = 30_000;

/** Opens the queue in a database. What goes wrong beside the calls is told to `onError`. */
export async function openQueue(database: Database, onError: (error: Error) => void): Promise<Queue> {
  const boss = new PgBoss({ db: executorOf(database), schedule: false });
  boss.on("error", onError);
  await boss.start();
  await boss.createQueue(NAME, { name: NAME, retryLimit: RETRIES, retryDelay: 0, expireInHours: EXPIRE_HOURS });
  return {
    async add(id, sql) {
      await boss.send(NAME, { id }, { db: executorOf(sql) });
    },
    async putBack(ids, sql) {
      for (const id of ids) await boss.send(NAME, { id }, { priority: 1, db: executorOf(sql) });
    },
    async stranded(ids, seconds, sql) {
      const rows = await sql.query(
        `select wanted from unnest($1::text[]) as wanted where not exists (
           select from pgboss.job where name = $2 and data->>'id' = wanted
             and (state in ('created', 'retry') or started_on > now() - make_interval(secs => $3)))`,
        [ids, NAME, seconds],
      );
      return rows.map(({ wanted }) => wanted as string);
    },
    async take(work) {
      await boss.work<{ id: string }>(NAME, { batchSize: 1, pollingIntervalSeconds: POLL_SECONDS }, async ([job]) => {
        if (job !== undefined) await work(job.data.id);
      });
    },
    close: () => boss.stop({ graceful: true, wait: true, close: false, timeout: CLOSE_MS }),
  };
}

function executorOf(sql: Sql): PgBoss.Db {
  return {
    async executeSql(text, values) {
      return { rows: [...(await sql.query(text, values))] };
    },
  };
}
