#!/usr/bin/env node
import { EXIT } from "./errors.ts";
import { main } from "./program.ts";

// A reader that has seen enough, such as `head`, is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  process.stderr.write(`error: cannot write to standard output: ${error.message}\n`);
  process.exit(EXIT.failed);
});
// Progress that nobody reads is no reason to stop.
process.stderr.on("error", () => {});

process.exitCode = await main(process.argv.slice(2));
