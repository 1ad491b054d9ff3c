import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { SecateurError } from "@secateur/kit";
import type { Database } from "./database/database.ts";
import { openEmbedded } from "./database/embedded.ts";
import { openPostgres } from "./database/postgres.ts";
import { makeTables } from "./database/tables.ts";
import { type Home, holdHome, makeHome } from "./home.ts";
import { createApp } from "./http/app.ts";
import { createAsk } from "./http/ask.ts";
import { createHttpServer } from "./http/listen.ts";
import { readPage } from "./http/page.ts";
import { createAnswers } from "./http/v1/answers.ts";
import { createFeed } from "./jobs/feed.ts";
import { openQueue, type Queue } from "./jobs/queue.ts";
import { releaseJobs, waitingJobs } from "./jobs/store.ts";
import { startWorker, type Worker } from "./jobs/worker.ts";
import { createLibrary, type Library } from "./library/library.ts";
import { clearUploads } from "./library/upload.ts";
import { createLog, type Log } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { HELP, parseSettings, type Settings, type Variables } from "./settings.ts";

/** What runs, and how it is ended. */
interface Running {
  /** Ends it in order: no new work, jobs at hand put back. */
  end(): Promise<void>;
}

/** `secateur serve`: serves, and does jobs, until it is told to end. Throws SecateurError when it cannot begin. */
export async function serve(args: readonly string[], env: Variables = process.env): Promise<void> {
  const settings = parseSettings(args, env);
  if (settings === undefined) return void process.stdout.write(HELP);
  const log = createLog();
  await untilEnded(await startServer(settings, log), log);
}

/** `secateur worker`: does jobs of a shared database until it is told to end. Throws SecateurError when it cannot begin. */
export async function work(args: readonly string[], env: Variables = process.env): Promise<void> {
  const settings = parseSettings(args, env);
  if (settings === undefined) return void process.stdout.write(HELP);
  if (settings.databaseUrl === undefined)
    throw new SecateurError(
      "usage",
      "a worker shares the database of a server: set DATABASE_URL for both; an embedded database has one process only",
    );
  const log = createLog();
  const engine = await startEngine(settings, log);
  log.info({ workers: settings.workers }, "working");
  await untilEnded(engine, log);
}

// A worker that has said nothing for so long is gone: it says so every third of a second.
const SILENT_SECONDS = 10;
const SWEEP_MS = 2000;
// Longer than an upload may take.
const UPLOAD_MS = 2 * 3_600_000;
// Looks at files of clients that go on at once.
const ASKED_AT_ONCE = 4;

/** The part of a server that a worker has too: its folder, its database, and what does jobs. */
interface EngineParts extends Running {
  readonly home: Home;
  readonly database: Database;
  readonly queue: Queue;
  readonly library: Library;
  readonly plugins: Awaited<ReturnType<typeof readPlugins>>;
  readonly version: string;
}

async function startEngine(settings: Settings, log: Log): Promise<EngineParts> {
  const home = await makeHome(settings.home);
  const embedded = settings.databaseUrl === undefined;
  const release = embedded ? await holdHome(home) : async () => {};
  await clearUploads(home.uploads, embedded ? 0 : UPLOAD_MS);
  const onError = (error: unknown): void => log.error({ error: String(error) }, "the database fails");
  const opening = settings.databaseUrl === undefined ? openEmbedded(home.database) : openPostgres(settings.databaseUrl, onError);
  const [database, plugins] = await Promise.all([opening, readPlugins()]);
  await makeTables(database);
  const queue = await openQueue(database, onError);
  const sweep = async (silentSeconds: number): Promise<void> => {
    const ids = await database.transaction(async (sql) => {
      const lost = await releaseJobs(sql, { silentSeconds });
      await queue.putBack(lost, sql);
      const stranded = await queue.stranded(await waitingJobs(sql, silentSeconds), silentSeconds, sql);
      await queue.putBack(stranded, sql);
      return [...lost, ...stranded];
    });
    for (const job of ids) log.warn({ job }, "a job whose worker is gone is taken up again");
  };
  await sweep(embedded ? 0 : SILENT_SECONDS); // nobody else works with an embedded database
  const sweeping = setInterval(() => void sweep(SILENT_SECONDS).catch(onError), SWEEP_MS);
  const ownVersion = version();
  const library = createLibrary(settings, home, plugins.endings);
  const options = { database, queue, home, places: library.places, version: ownVersion, log, jobHours: settings.jobHours };
  const workers: Worker[] = [];
  for (let i = 0; i < settings.workers; i++) workers.push(await startWorker(options));
  return {
    home,
    database,
    queue,
    library,
    plugins,
    version: ownVersion,
    async end() {
      clearInterval(sweeping);
      for (const worker of workers) worker.stop();
      await queue.close();
      await database.close();
      await release();
    },
  };
}

async function readPlugins() {
  const list = await createAsk(1)("plugins", {});
  const endings = (list.loader ?? []).flatMap(({ extensions }) => extensions ?? []);
  return { list, endings };
}

async function startServer(settings: Settings, log: Log): Promise<Running> {
  const engine = await startEngine(settings, log);
  const { database, home, queue, library, plugins } = engine;
  const ending = new AbortController();
  const feed = createFeed(database, (error) => log.error({ error: String(error) }, "events cannot be read"));
  const metrics = createMetrics();
  const ask = createAsk(ASKED_AT_ONCE);
  const page = await readPage();
  const answers = createAnswers(settings.answerSeconds, ending.signal);
  const served = {
    settings,
    home,
    database,
    queue,
    feed,
    library,
    ask,
    page,
    answers,
    metrics,
    log,
    version: engine.version,
    ending: ending.signal,
  };
  const app = createApp({ ...served, plugins: plugins.list, endings: plugins.endings });
  const server = createHttpServer(app.fetch).listen(settings.port, settings.host);
  try {
    await once(server, "listening");
  } catch (error) {
    await engine.end();
    throw error;
  }
  const { address, port } = server.address() as AddressInfo;
  const url = `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
  log.info({ url, home: home.folder, database: database.embedded ? "embedded" : "postgres" }, "listening");
  return {
    async end() {
      ending.abort();
      feed.close();
      answers.end();
      server.close();
      server.closeIdleConnections();
      await engine.end();
      server.closeAllConnections();
      metrics.close();
    },
  };
}

/** Resolves when the process has been told to end and has ended its work; told twice, it ends at once. */
async function untilEnded(running: Running, log: Log): Promise<void> {
  await new Promise<void>((resolve) => {
    let told = false;
    const tell = (signal: NodeJS.Signals): void => {
      if (told) process.exit(1);
      told = true;
      log.info({ signal }, "ending");
      resolve();
    };
    process.on("SIGINT", tell).on("SIGTERM", tell);
  });
  await running.end();
  log.info({}, "ended");
}

/** The version of this package. */
export function version(): string {
  const file = fileURLToPath(new URL("../package.json", import.meta.url));
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
