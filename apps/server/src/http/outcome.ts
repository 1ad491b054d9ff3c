import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { HttpError } from "../http-error.ts";
import { commandLine } from "../jobs/command-line.ts";
import { hidePaths } from "../jobs/hide-paths.ts";
import { findJob, type Job } from "../jobs/store.ts";
import { RESULT } from "../library/results.ts";
import type { Served } from "./context.ts";
import { json, refusals } from "./schemas.ts";

const params = z.object({ id: z.uuid("the id of a job") });
const commandSchema = z
  .object({ command: z.string().optional().describe("for a POSIX shell; left out where flags cannot say the recipe") })
  .openapi("Command");

/** Routes of what people look at a job for: its report, and the command that does the same. */
export function outcomeRoutes(app: OpenAPIHono, { database, home, library, ask }: Served): void {
  app.openapi(
    createRoute({
      method: "get",
      path: "/api/jobs/{id}/command",
      summary: "The command that does the same as a job",
      request: { params },
      responses: { 200: json(commandSchema, "the command"), ...refusals(400, 404) },
    }),
    async (context) => {
      const { id, input } = await jobOf(context.req.valid("param").id);
      const [models, data] = await Promise.all([library.models(), library.data()]);
      const command = commandLine(id, input, models, data);
      return context.json(command === undefined ? {} : { command }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/api/jobs/{id}/report",
      summary: "A page on what a finished prune or comparison has come to",
      request: { params },
      responses: {
        200: { content: { "text/html": { schema: z.string() } }, description: "one HTML file without a script" },
        ...refusals(400, 404, 503),
      },
    }),
    async (context) => {
      const page = await readFile(await reportOf(await jobOf(context.req.valid("param").id)), "utf8");
      return context.html(page, 200, { "Content-Security-Policy": "sandbox", "Content-Disposition": "attachment; filename=report.html" });
    },
  );

  async function jobOf(id: string): Promise<Job> {
    const job = await findJob(database, id);
    if (job === undefined) throw new HttpError(404, "not-found", `no job has the id ${id}`);
    return job;
  }

  async function reportOf({ id, input: { kind }, state }: Job): Promise<string> {
    const folder = join(home.jobs, id);
    const result = join(folder, RESULT[kind]);
    if (state === "done" && kind === "prune") return join(result, "report.html");
    if (state !== "done" || kind !== "compare")
      throw new HttpError(404, "not-found", "reports are of prunes and comparisons that are done");
    // A comparison is kept as JSON: its page is made when it is first looked at.
    const page = join(folder, "report.html");
    if (existsSync(page)) return page;
    await ask("report", { path: result, out: page, force: true }).catch((error: unknown) => {
      if (error instanceof Error) error.message = hidePaths(error.message, new Map([[folder, id]]));
      throw error;
    });
    return page;
  }
}
