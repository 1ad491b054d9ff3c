import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Database } from "../src/database/database.ts";
import { openEmbedded } from "../src/database/embedded.ts";
import { makeTables } from "../src/database/tables.ts";
import { openQueue, type Queue } from "../src/jobs/queue.ts";
import { claimJob, insertJob, waitingJobs } from "../src/jobs/store.ts";

const folder = mkdtempSync(join(tmpdir(), "secateur-queue-"));
let database: Database;
let queue: Queue;

beforeAll(async () => {
  await (await PGlite.create({ dataDir: folder })).close(); // from sources no process of its own can be started here
  database = await openEmbedded(folder);
  await makeTables(database);
  queue = await openQueue(database, (error) => expect.fail(error.message));
});

afterAll(async () => {
  await queue.close();
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

const add = (): Promise<string> =>
  database.transaction(async (sql) => {
    const id = await insertJob(sql, { kind: "eval", recipe: { model: "a", data: "b" } });
    await queue.add(id, sql);
    return id;
  });
const stranded = async (seconds: number): Promise<readonly string[]> =>
  queue.stranded(await waitingJobs(database, seconds), seconds, database);

test("a job that was handed out and never taken up is found, and is handed out again", async () => {
  const [lost, taken] = [await add(), await add()];
  expect(await stranded(0)).toEqual([]); // both wait in the queue
  const given: string[] = [];
  // As a process would that is killed before it has taken the first one up.
  await queue.take(async (id) => {
    given.push(id);
    if (id !== lost || given.filter((one) => one === lost).length > 1) await claimJob(database, id, crypto.randomUUID());
  });
  await expect.poll(() => given, { timeout: 20_000 }).toEqual([lost, taken]);
  await expect.poll(() => stranded(0), { timeout: 20_000 }).toEqual([lost]);
  expect(await stranded(60)).toEqual([]); // whoever has it may be about to
  await queue.putBack([lost], database);
  expect(await stranded(0)).toEqual([]);
  await expect.poll(() => given, { timeout: 20_000 }).toEqual([lost, taken, lost]);
  await expect.poll(() => stranded(0), { timeout: 20_000 }).toEqual([]);
});
