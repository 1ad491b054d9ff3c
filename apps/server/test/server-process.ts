import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const BIN = fileURLToPath(new URL("../dist/bin.js", import.meta.url));
const FIXTURES = fileURLToPath(new URL("../../cli/test/fixtures", import.meta.url));

/** Folders of a test: the server's own, and one with the tiny model and its data. */
export interface Folders {
  readonly home: string;
  readonly models: string;
  /** PostgreSQL's address; left out, the server embeds a database. */
  readonly databaseUrl?: string | undefined;
  /** Takes them away. */
  remove(): void;
}

/** Makes folders for a server. */
export function makeFolders(): Folders {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "secateur-server-")));
  const [home, models] = [join(folder, "home"), join(folder, "models")];
  mkdirSync(home);
  cpSync(FIXTURES, models, { recursive: true });
  return { home, models, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A real process of a server or a worker. */
export interface LoggingProcess {
  /** All that it has logged. */
  log(): string;
  /** Resolves with the first group of what it logs, once it does. */
  says(wanted: RegExp): Promise<string>;
  /** Ends it as a service manager would. Gives its exit code. */
  end(): Promise<number | null>;
  /** Ends it at once, without a chance to put anything in order. */
  kill(): Promise<void>;
}

/** A real server. */
export interface ServerProcess extends LoggingProcess {
  readonly url: string;
  get(path: string, init?: RequestInit): Promise<Response>;
  /** Sends JSON. */
  post(path: string, body: unknown, init?: RequestInit): Promise<Response>;
}

/** Starts a server and resolves once it listens. */
export async function startServer(folders: Folders, ...flags: readonly string[]): Promise<ServerProcess> {
  const started = startProcess("serve", folders, ["--port", "0", ...flags]);
  const url = await started.says(/"url":"([^"]+)"/);
  const headers = { "Content-Type": "application/json" };
  return {
    ...started,
    url,
    get: (path, init) => fetch(url + path, init),
    post: (path, body, init = {}) =>
      fetch(url + path, { method: "POST", body: JSON.stringify(body), ...init, headers: { ...headers, ...init.headers } }),
  };
}

/** Starts a worker and resolves once it works. */
export async function startWorker(folders: Folders): Promise<LoggingProcess> {
  const started = startProcess("worker", folders, []);
  await started.says(/"msg":"(working)"/);
  return started;
}

/** Starts `secateur serve` or `secateur worker`, and waits for nothing. */
export function startProcess(command: string, { home, models, databaseUrl }: Folders, flags: readonly string[]): LoggingProcess {
  const { DATABASE_URL: _url, SECATEUR_TOKEN: _token, ...rest } = process.env;
  const env = { ...rest, ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }) };
  const args = [BIN, command, "--home", home, "--models", models, "--data", models, ...flags];
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit") as Promise<[number | null]>;
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk) => {
      log += chunk;
    });
  }
  return {
    log: () => log,
    says: (wanted) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = wanted.exec(log)?.[1];
          if (found !== undefined) resolve(found);
        };
        child.stdout.on("data", look);
        exited.then(([code]) => reject(new Error(`${command} ended with ${code}: ${log}`)), reject);
        look();
      }),
    async end() {
      child.kill("SIGTERM");
      const [code] = await exited;
      return code;
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** The JSON of an answer. */
export async function jsonOf(response: Response | Promise<Response>): Promise<ReturnType<typeof JSON.parse>> {
  return JSON.parse(await (await response).text());
}

/** One server-sent event. */
export interface SentEvent {
  readonly id: number;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Reads a job's events until one is the last, or `until` says that it has seen enough. */
export async function readEvents(
  server: ServerProcess,
  job: string,
  { after, until = () => false }: { readonly after?: number; readonly until?: (event: SentEvent) => boolean } = {},
): Promise<SentEvent[]> {
  const headers = after === undefined ? {} : { "Last-Event-ID": String(after) };
  const response = await server.get(`/api/jobs/${job}/events`, { headers });
  const events: SentEvent[] = [];
  if (response.body === null) return events;
  let text = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const event = parseEvent(text.slice(0, end));
      text = text.slice(end + 2);
      if (event === undefined) continue;
      events.push(event);
      if (until(event)) return events; // leaving the loop closes the response
    }
  }
  return events;
}

function parseEvent(text: string): SentEvent | undefined {
  const fields = new Map(text.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
  const data = fields.get("data");
  return data === undefined ? undefined : { id: Number(fields.get("id")), type: fields.get("event") ?? "", data: JSON.parse(data) };
}
