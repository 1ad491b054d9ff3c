import { isIP } from "node:net";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { SecateurError } from "@secateur/kit";
import envPaths from "env-paths";

/** How a server or a worker is set up. */
export interface Settings {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** What requests have to carry as `Authorization: Bearer …`; none on loopback alone. */
  readonly token: string | undefined;
  /** Names besides `localhost` by which the server is reached. */
  readonly names: readonly string[];
  /** The folder of its own: database, uploads, results. Absolute. */
  readonly home: string;
  /** Folders whose models may be used, absolute. */
  readonly models: readonly string[];
  /** Folders whose data files may be used, absolute. */
  readonly data: readonly string[];
  /** PostgreSQL's address; left out, an embedded database in `home` is used. */
  readonly databaseUrl: string | undefined;
  /** Jobs at a time in this process. */
  readonly workers: number;
  /** Jobs that may wait. */
  readonly maxQueue: number;
  readonly maxUploadBytes: number;
  /** Of all uploads together. */
  readonly maxDataBytes: number;
  /** So long may a job take. */
  readonly jobHours: number;
  /** So long may a request to a model take, its wait included. */
  readonly answerSeconds: number;
}

/** Environment variables that are read. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** What `--help` of a server shows. */
export const HELP = `Usage: secateur serve [options]
       secateur worker [options]

Serves models, data and jobs over HTTP; a worker does jobs of the same database and serves nothing.

Options:
  --models <dir>      folder of models (repeatable)
  --data <dir>        folder of data files (repeatable)
  --home <dir>        where uploads, results and the database are kept (default: server in the user's data folder, or in SECATEUR_DATA)
  --host <address>    address to listen on (default: 127.0.0.1); any but loopback needs a token
  --port <n>          port to listen on, 0 for a free one (default: 7373)
  --token <text>      what requests have to carry as "Authorization: Bearer <text>" (or SECATEUR_TOKEN)
  --name <host>       a host name by which the server is reached, besides localhost (repeatable)
  --workers <n>       jobs at a time; 0 leaves them to \`secateur worker\` (default: 1)
  --max-queue <n>     jobs that may wait (default: 100)
  --max-upload <mib>  size of an upload in MiB (default: 1024)
  --max-data <mib>    size of all uploads together in MiB (default: 10240)
  --job-hours <n>     hours that a job may take, up to 22 (default: 12)
  --answer-seconds <n>  seconds that a request to a model may take (default: 600)
  -h, --help          show this help

DATABASE_URL names a PostgreSQL database that servers and workers share; without it one is embedded.
`;

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|::1)$/;
const TOKEN_CHARACTERS = 16;

/** Reads the flags of a server. Gives undefined where help is asked for; throws SecateurError `usage`. */
export function parseSettings(args: readonly string[], env: Variables): Settings | undefined {
  const given = flagsOf(args);
  if (given.help === true) return undefined;
  const host = given.host ?? "127.0.0.1";
  const token = given.token ?? env.SECATEUR_TOKEN;
  if (token !== undefined && token.length < TOKEN_CHARACTERS)
    throw new SecateurError("usage", `--token has ${token.length} characters, and at least ${TOKEN_CHARACTERS} are wanted`);
  if (host !== "localhost" && isIP(host) === 0)
    throw new SecateurError("usage", `--host ${host}: an address was wanted, such as 127.0.0.1 or 0.0.0.0`);
  if (token === undefined && !LOOPBACK.test(host))
    throw new SecateurError("usage", `--host ${host} is reached from other machines: give --token, or SECATEUR_TOKEN`);
  return {
    host,
    token,
    port: whole("--port", given.port ?? "7373", 0, 65_535),
    names: (given.name ?? []).map((name) => name.toLowerCase()),
    home: resolve(given.home ?? join(env.SECATEUR_DATA || envPaths("secateur", { suffix: "" }).data, "server")),
    models: (given.models ?? []).map((folder) => resolve(folder)),
    data: (given.data ?? []).map((folder) => resolve(folder)),
    databaseUrl: env.DATABASE_URL || undefined,
    workers: whole("--workers", given.workers ?? "1", 0, 64),
    maxQueue: whole("--max-queue", given["max-queue"] ?? "100", 1, 100_000),
    maxUploadBytes: whole("--max-upload", given["max-upload"] ?? "1024", 1, 1 << 20) * 2 ** 20,
    maxDataBytes: whole("--max-data", given["max-data"] ?? "10240", 1, 1 << 30) * 2 ** 20,
    answerSeconds: whole("--answer-seconds", given["answer-seconds"] ?? "600", 1, 86_400),
    jobHours: whole("--job-hours", given["job-hours"] ?? "12", 1, 22), // the queue takes a job as lost after 23
  };
}

function flagsOf(args: readonly string[]) {
  const text = { type: "string" } as const;
  const texts = { type: "string", multiple: true } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        models: texts,
        data: texts,
        home: text,
        host: text,
        port: text,
        token: text,
        name: texts,
        workers: text,
        "max-queue": text,
        "max-upload": text,
        "max-data": text,
        "job-hours": text,
        "answer-seconds": text,
        help: { type: "boolean", short: "h" },
      },
    });
    return values;
  } catch (error) {
    throw new SecateurError("usage", `${(error as Error).message.split("\n")[0]}; --help shows what there is`, { cause: error });
  }
}

function whole(flag: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw new SecateurError("usage", `${flag} ${text}: a whole number from ${least} to ${most} was wanted`);
}
