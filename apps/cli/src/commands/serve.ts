import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { CommandError } from "@secateur/engine";
import type { Command } from "commander";
import { command, type Example } from "./command.ts";

const PACKAGE = "@secateur/server";

/** What the server's package exports. */
interface ServerPackage {
  serve(args: readonly string[]): Promise<void>;
  work(args: readonly string[]): Promise<void>;
}

const SERVE_EXAMPLES: readonly Example[] = [
  ["models and data of two folders, on this machine alone", "secateur serve --models ./models --data ./data"],
];
const WORK_EXAMPLES: readonly Example[] = [
  [
    "does jobs of the servers that share a database",
    "DATABASE_URL=postgres://host/secateur secateur worker --models ./models --data ./data",
  ],
];

/** `secateur serve`: prune, measure and compare over HTTP. */
export function serveCommand(): Command {
  return passedOn(command("serve", "serve models, data and jobs over HTTP", SERVE_EXAMPLES), (server, args) => server.serve(args));
}

/** `secateur worker`: does jobs that servers have taken. */
export function workerCommand(): Command {
  return passedOn(command("worker", "do jobs of servers that share a database", WORK_EXAMPLES), (server, args) => server.work(args));
}

/** A command whose arguments, help included, are the server's own: what it needs is not installed with this program. */
function passedOn(made: Command, run: (server: ServerPackage, args: readonly string[]) => Promise<void>): Command {
  return made
    .helpOption(false)
    .argument("[options...]")
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (args: readonly string[]) => run(await loadServer(), args));
}

/** Finds the server's package beside this one, or for the present folder. Throws SecateurError `not-found`. */
async function loadServer(): Promise<ServerPackage> {
  for (const from of [import.meta.url, join(process.cwd(), "package.json")]) {
    const file = resolveFrom(from);
    if (file !== undefined) return (await import(pathToFileURL(file).href)) as ServerPackage; // as its index says
  }
  throw new CommandError({ code: "not-found", message: `the server is a package of its own, ${PACKAGE}, and is not installed` }, [
    `npm install -g ${PACKAGE}`,
    "npx -y pnpm@12 serve starts it from its sources, in a clone of the repository",
  ]);
}

function resolveFrom(from: string): string | undefined {
  try {
    return createRequire(from).resolve(PACKAGE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}
