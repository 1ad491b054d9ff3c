import { readFile } from "node:fs/promises";
import { SecateurError } from "@secateur/kit";
import { errorCode, ioError, nearestName } from "@secateur/kit/node";
import { TASK_TEMPLATES } from "./built-in.ts";
import { parseTaskTemplate, type TaskTemplate } from "./task-template.ts";

/**
 * What a user's template stands for: a text with `{column}` places is itself, `gsm8k` the built-in task template of that name, and what ends in `.json` or has a `/`
 * a file with one. Throws SecateurError `not-found` for a name or file that leads nowhere, `usage` for a file that holds something else.
 */
export async function findTemplate(template: string): Promise<string | TaskTemplate> {
  if (template.includes("{")) return template;
  if (/\.json$|[/\\]/i.test(template)) return readTemplate(template);
  const found = TASK_TEMPLATES.find(({ name }) => name === template);
  if (found !== undefined) return found;
  const names = TASK_TEMPLATES.map(({ name = "" }) => name);
  const nearest = nearestName(template, names);
  const hint = nearest === undefined ? "" : `; did you mean "${nearest}"?`;
  throw new SecateurError(
    "not-found",
    `no task template is called ${JSON.stringify(template)}: they are ${names.join(", ")}${hint} (a file's name ends in .json, a template text has {column} places)`,
  );
}

/** Whether a user's template says which rows of a file are calibrated with, and which others are measured with. Throws as `findTemplate` does. */
export async function splitsRows(template: string | undefined): Promise<boolean> {
  const found = template === undefined ? undefined : await findTemplate(template);
  return typeof found === "object" && found.rows?.calibrate !== undefined && found.rows.evaluate !== undefined;
}

async function readTemplate(file: string): Promise<TaskTemplate> {
  const where = { file };
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT")
      throw new SecateurError("not-found", `no task template at ${file}: there is no such file`, { where });
    throw ioError(error, "read", file);
  }
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    // The parser's own message differs between versions of Node; it stays as the cause.
    throw new SecateurError("usage", `${file}: not JSON, a task template as an object was wanted`, { where, cause });
  }
  try {
    return parseTaskTemplate(value, "the template");
  } catch (cause) {
    throw cause instanceof SecateurError ? new SecateurError(cause.code, `${file}: ${cause.message}`, { where, cause }) : cause;
  }
}
