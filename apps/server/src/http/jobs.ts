import { rm } from "node:fs/promises";
import { join } from "node:path";
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { streamSSE } from "hono/streaming";
import { HttpError } from "../http-error.ts";
import { checkJob, type JobInput, jobSchema, requestOf } from "../jobs/recipe.ts";
import { cancelJob, countJobs, deleteJob, findJob, insertJob, isFinal, type Job, listJobs } from "../jobs/store.ts";
import type { Served } from "./context.ts";
import { json, refusals } from "./schemas.ts";

/** A job as clients see it. */
interface JobView {
  readonly id: string;
  readonly kind: string;
  readonly state: Job["state"];
  readonly cancelling: boolean;
  readonly recipe: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string } | undefined;
  readonly createdAt: string;
  readonly startedAt?: string | undefined;
  readonly finishedAt?: string | undefined;
  readonly attempts: number;
}

const jobView: z.ZodType<JobView> = z
  .object({
    id: z.uuid(),
    kind: z.string(),
    state: z.enum(["queued", "running", "done", "failed", "cancelled"]),
    cancelling: z.boolean(),
    recipe: z.unknown(),
    result: z.unknown().optional(),
    error: z.object({ code: z.string(), message: z.string() }).optional(),
    createdAt: z.string(),
    startedAt: z.string().optional(),
    finishedAt: z.string().optional(),
    attempts: z.int().describe("how often it has been taken up: more than once where a server was interrupted"),
  })
  .openapi("Job");
const params = z.object({ id: z.uuid("the id of a job") });
const LISTED = 1000;
const BEAT_MS = 15_000;

/** Routes of jobs. */
export function jobRoutes(app: OpenAPIHono, served: Served): void {
  const { database, queue, home, library, plugins, settings, version } = served;

  app.openapi(
    createRoute({
      method: "post",
      path: "/api/jobs",
      summary: "Begin a job from a recipe, in which models and data are named by their ids",
      request: { body: { content: { "application/json": { schema: jobSchema } }, required: true } },
      responses: { 201: json(jobView, "it waits for its turn"), ...refusals(400, 404, 413, 415, 429) },
    }),
    async (context) => {
      const input = context.req.valid("json") as JobInput; // the schema leaves a part of it to `checkJob`
      checkJob(input, plugins);
      requestOf(input, "", await library.places(), version); // every id leads somewhere
      const id = await database.transaction(async (sql) => {
        const waiting = (await countJobs(sql)).get("queued") ?? 0;
        if (waiting >= settings.maxQueue) throw new HttpError(429, "queue", `${waiting} jobs wait already`, { "Retry-After": "60" });
        const added = await insertJob(sql, input);
        await queue.add(added, sql);
        return added;
      });
      return context.json(await viewOf(id), 201, { Location: `/api/jobs/${id}` });
    },
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/api/jobs",
      summary: "List jobs, the latest first, without their results",
      responses: { 200: json(z.object({ jobs: z.array(jobView) }), "the jobs") },
    }),
    async (context) => context.json({ jobs: (await listJobs(database, LISTED)).map(view) }, 200),
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/api/jobs/{id}",
      summary: "One job",
      request: { params },
      responses: { 200: json(jobView, "the job"), ...refusals(400, 404) },
    }),
    async (context) => context.json(await viewOf(context.req.valid("param").id), 200),
  );
  app.openapi(
    createRoute({
      method: "post",
      path: "/api/jobs/{id}/cancel",
      summary: "Cancel a job; one that runs ends within a second",
      request: { params },
      responses: { 202: json(jobView, "it is cancelled, or about to be"), ...refusals(400, 404, 409) },
    }),
    async (context) => {
      const { id } = context.req.valid("param");
      const state = await database.transaction((sql) => cancelJob(sql, id));
      if (state === undefined) throw unknownJob(id);
      if (state === "done" || state === "failed") throw new HttpError(409, "finished", `the job is ${state}`);
      return context.json(await viewOf(id), 202);
    },
  );
  app.openapi(
    createRoute({
      method: "delete",
      path: "/api/jobs/{id}",
      summary: "Forget a finished job, with what it has made",
      request: { params },
      responses: { 204: { description: "it is gone" }, ...refusals(400, 404, 409) },
    }),
    async (context) => {
      const { id } = context.req.valid("param");
      if (!(await deleteJob(database, id))) {
        const { state } = await viewOf(id);
        throw new HttpError(409, "unfinished", `the job is ${state}: cancel it first`);
      }
      await rm(join(home.jobs, id), { recursive: true, force: true });
      return context.body(null, 204);
    },
  );
  eventRoute(app, served);

  async function viewOf(id: string): Promise<JobView> {
    const job = await findJob(database, id);
    if (job === undefined) throw unknownJob(id);
    return view(job);
  }
}

/** Server-sent events of a job: `id` counts them, so that a reader that was cut off goes on behind the last that it has. */
function eventRoute(app: OpenAPIHono, { database, feed, ending }: Served): void {
  app.openapi(
    createRoute({
      method: "get",
      path: "/api/jobs/{id}/events",
      summary: "What a job tells, as server-sent events; Last-Event-ID goes on behind an event",
      request: {
        params,
        headers: z.object({
          "last-event-id": z
            .string()
            .regex(/^\d{1,9}$/)
            .optional(),
        }),
      },
      responses: {
        200: { content: { "text/event-stream": { schema: z.string() } }, description: "events, until the job is done" },
        204: { description: "there is nothing more to come" },
        ...refusals(400, 404),
      },
    }),
    async (context) => {
      const { id } = context.req.valid("param");
      const after = Number(context.req.valid("header")["last-event-id"] ?? 0);
      const job = await findJob(database, id);
      if (job === undefined) throw unknownJob(id);
      const [last] = await database.query("select coalesce(max(seq), 0) as seq from secateur.events where job = $1", [id]);
      if (isFinal(job.state) && after >= (last?.seq as number)) return context.body(null, 204); // tells a browser to stop asking
      const gone = new AbortController();
      const signal = AbortSignal.any([gone.signal, ending]);
      return streamSSE(context, async (stream) => {
        stream.onAbort(() => gone.abort());
        const beating = setInterval(() => void stream.write(": still here\n\n"), BEAT_MS);
        try {
          for await (const { seq, event } of feed.follow(id, after, signal)) {
            const { type, ...rest } = event;
            await stream.writeSSE({ id: String(seq), event: type, data: JSON.stringify(rest) });
          }
        } finally {
          clearInterval(beating);
        }
      });
    },
  );
}

function unknownJob(id: string): HttpError {
  return new HttpError(404, "not-found", `no job has the id ${id}`);
}

function view({ input, createdAt, startedAt, finishedAt, error, result, ...job }: Job): JobView {
  return {
    ...job,
    ...input,
    ...(result !== undefined && { result }),
    ...(error && { error }),
    createdAt: createdAt.toISOString(),
    ...(startedAt && { startedAt: startedAt.toISOString() }),
    ...(finishedAt && { finishedAt: finishedAt.toISOString() }),
  };
}
