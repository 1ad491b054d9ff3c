import { existsSync } from "node:fs";
import { CommandError } from "@secateur/engine";

/** An error that says how to go on, where work that was done is kept in a folder. */
export function withWayOn(error: unknown, partial: string | undefined): unknown {
  if (partial === undefined || !(error instanceof CommandError) || error.code === "exists" || !existsSync(partial)) return error;
  const { code, message, where, stack } = error;
  const hint = `${partial} is kept: the same command goes on from there, with --restart it begins anew`;
  return new CommandError({ code, message, where, stack }, [...error.hints, hint]);
}
