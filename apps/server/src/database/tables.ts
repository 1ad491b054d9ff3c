import type { Database } from "./database.ts";

/** The tables of jobs and of what they tell; the queue has its own. */
const TABLES = `
create schema if not exists secateur;
create table if not exists secateur.jobs (
  id uuid primary key,
  kind text not null,
  recipe jsonb not null,
  state text not null check (state in ('queued', 'running', 'done', 'failed', 'cancelled')),
  cancelling boolean not null default false,
  result jsonb,
  error jsonb,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  attempts int not null default 0,
  worker uuid,
  beat_at timestamptz
);
create index if not exists jobs_by_state on secateur.jobs (state);
create table if not exists secateur.events (
  job uuid not null references secateur.jobs on delete cascade,
  seq int not null,
  event jsonb not null,
  primary key (job, seq)
);
`;

// Two processes that make a schema at once would meet an error; whichever is first holds this.
const LOCK = 7_373;

/** Makes the tables where they are not there. */
export async function makeTables(database: Database): Promise<void> {
  await database.transaction(async (sql) => {
    await sql.query("select pg_advisory_xact_lock($1::bigint)", [LOCK]);
    await sql.query(TABLES);
  });
}
