import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const BIN = fileURLToPath(new URL("../src/bin.ts", import.meta.url));
const TSX = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const FIXTURES = fileURLToPath(new URL("../../cli/test/fixtures", import.meta.url));

/** Folders of a test: the server's own, and one with the tiny model and its data. */
export interface Folders {
  readonly home: string;
  readonly models: string;
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

/** A real server in a process of its own. */
export interface ServerProcess {
  readonly url: string;
  readonly process: ChildProcess;
  /** All that it has logged. */
  log(): string;
  /** Ends it as a service manager would. Gives its exit code. */
  end(): Promise<number | null>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  get(path: string, init?: RequestInit): Promise<Response>;
  /** Sends JSON. */
  post(path: string, body: unknown, init?: RequestInit): Promise<Response>;
}

/** Starts a server from its sources and resolves once it listens. */
export async function startServer({ home, models }: Folders, ...flags: readonly string[]): Promise<ServerProcess> {
  const { DATABASE_URL: _url, SECATEUR_TOKEN: _token, ...env } = process.env;
  const args = ["--home", home, "--models", models, "--data", models, "--port", "0", ...flags];
  const child = spawn(process.execPath, ["--conditions", "source", "--import", TSX, BIN, ...args], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [log, errors] = ["", ""];
  child.stderr.setEncoding("utf8").on("data", (chunk) => {
    errors += chunk;
  });
  const exited = once(child, "exit");
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (chunk) => {
      log += chunk;
      const found = /"url":"([^"]+)"/.exec(log)?.[1];
      if (found !== undefined) resolve(found);
    });
    exited.then(([code]) => reject(new Error(`the server ended with ${code}: ${errors}${log}`)), reject);
  });
  return {
    url,
    process: child,
    log: () => log + errors,
    async end() {
      child.kill("SIGTERM");
      const [code] = await exited;
      return code;
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
    get: (path, init) => fetch(url + path, init),
    post: (path, body, init = {}) =>
      fetch(url + path, {
        method: "POST",
        body: JSON.stringify(body),
        ...init,
        headers: { "Content-Type": "application/json", ...init.headers },
      }),
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
