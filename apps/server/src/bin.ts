#!/usr/bin/env node
import { isUserError, SecateurError } from "@secateur/kit";
import { serve, version, work } from "./serve.ts";

const [first, ...rest] = process.argv.slice(2);
try {
  if (first === "--version") process.stdout.write(`${version()}\n`);
  else if (first === "worker") await work(rest);
  else await serve(first === "serve" ? rest : process.argv.slice(2));
  process.exit(0); // what was started for the work is ended; libraries may keep a timer
} catch (error) {
  const known = error instanceof SecateurError || (error as NodeJS.ErrnoException).syscall !== undefined;
  process.stderr.write(`error: ${known ? (error as Error).message : (error as Error).stack}\n`);
  process.exit(isUserError(error) ? 2 : 1);
}
