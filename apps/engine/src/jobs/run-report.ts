import { readFile, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { SecateurError } from "@secateur/kit";
import { errorCode, ioError } from "@secateur/kit/node";
import { checkOutputFile, writeWhole } from "@secateur/pipeline";
import { reportOf } from "@secateur/report";
import type { ReportOutcome, ReportRequest } from "./messages.ts";

/** Makes a page of a file of results, or of a pruned model. */
export async function runReport({ path, out: given, force }: ReportRequest): Promise<ReportOutcome> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const file = isFolder ? join(path, "secateur.json") : path;
  const out = given ?? (isFolder ? join(path, "report.html") : `${file.slice(0, file.length - extname(file).length)}.html`);
  await checkOutputFile(out, { model: file, data: [] }, force);
  const page = reportOf(await readJson(file), file);
  await writeWhole(out, page);
  return { out, bytes: Buffer.byteLength(page) };
}

async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    if (errorCode(cause) !== "ENOENT") throw ioError(cause, "read", file);
    throw new SecateurError(
      "not-found",
      `there is no file ${file}: a report is of a pruned model's folder, or of the JSON of a comparison`,
      {
        where: { file },
        cause,
      },
    );
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SecateurError("format", `${file} is no JSON: ${cause instanceof Error ? cause.message : cause}`, { where: { file }, cause });
  }
}
