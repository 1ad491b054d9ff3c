import type { Begun } from "../new-plugin/new-plugin.ts";
import type { Colors } from "../terminal.ts";

/** What was begun, and what comes next. */
export function begunText({ package: name, folder, files }: Begun, { bold }: Colors): string {
  const listed = files.map((file) => `  ${file}\n`).join("");
  return `${bold(name)} is in ${folder}\n${listed}next: cd ${folder}, npm install, npm test; src/index.ts is what to change\n`;
}
