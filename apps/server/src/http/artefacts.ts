import { open } from "node:fs/promises";
import { Readable } from "node:stream";
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { HttpError } from "../http-error.ts";
import { findJob, listJobs } from "../jobs/store.ts";
import { type Artefact, artefactsOf, type FoundArtefact } from "../library/results.ts";
import type { Served } from "./context.ts";
import { rangeOf } from "./range.ts";
import { json, refusals } from "./schemas.ts";

const artefactSchema: z.ZodType<Artefact> = z
  .object({ job: z.uuid(), file: z.string().describe("relative to the job's folder, with /"), bytes: z.int() })
  .openapi("Artefact");

/** Routes of what jobs have made. */
export function artefactRoutes(app: OpenAPIHono, { database, home }: Served): void {
  app.openapi(
    createRoute({
      method: "get",
      path: "/api/artefacts",
      summary: "List the files that finished jobs have made",
      request: { query: z.object({ job: z.uuid().optional() }) },
      responses: { 200: json(z.object({ artefacts: z.array(artefactSchema) }), "the files"), ...refusals(400) },
    }),
    async (context) => {
      const { job } = context.req.valid("query");
      const jobs = job === undefined ? await listJobs(database, 1000) : [await findJob(database, job)];
      const done = jobs.filter((one) => one?.state === "done").map((one) => ({ id: one?.id ?? "", kind: one?.input.kind ?? "prune" }));
      const found = (await Promise.all(done.map((one) => artefactsOf(one, home)))).flat();
      return context.json({ artefacts: found.map(({ path: _, ...artefact }) => artefact) }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/api/artefacts/{job}/{file}",
      summary: "A file that a job has made, or bytes of it; / in its name is written %2F",
      request: {
        params: z.object({ job: z.uuid(), file: z.string() }),
        headers: z.object({ range: z.string().optional(), "if-range": z.string().optional() }),
      },
      responses: {
        200: { content: { "application/octet-stream": { schema: z.string().openapi({ format: "binary" }) } }, description: "the file" },
        206: { content: { "application/octet-stream": { schema: z.string().openapi({ format: "binary" }) } }, description: "a part of it" },
        ...refusals(400, 404, 416),
      },
    }),
    async (context) => {
      const { job, file } = context.req.valid("param");
      const { range, "if-range": condition } = context.req.valid("header");
      const found = await find(job, file);
      return send(found, context.req.method, range, condition);
    },
  );

  async function find(id: string, file: string): Promise<FoundArtefact> {
    const job = await findJob(database, id);
    const files = job?.state === "done" ? await artefactsOf({ id: job.id, kind: job.input.kind }, home) : [];
    // The name is looked for among those that are there: no path is made of it.
    const found = files.find((one) => one.file === file);
    if (found === undefined) throw new HttpError(404, "not-found", "no finished job has made such a file: /api/artefacts lists them");
    return found;
  }
}

async function send(
  { path, file }: FoundArtefact,
  method: string,
  range: string | undefined,
  condition: string | undefined,
): Promise<Response> {
  const handle = await open(path, "r");
  try {
    const { size, mtimeMs } = await handle.stat();
    const tag = `"${size.toString(16)}-${Math.round(mtimeMs).toString(16)}"`;
    const part = condition === undefined || condition === tag ? rangeOf(range, size) : undefined;
    const { first, last } = part ?? { first: 0, last: size - 1 };
    const headers = {
      "Content-Type": typeOf(file),
      "Content-Length": String(last - first + 1),
      "Content-Disposition": `attachment; filename*=UTF-8''${encodeURIComponent(file.split("/").at(-1) ?? "file")}`,
      "Content-Security-Policy": "sandbox",
      "Accept-Ranges": "bytes",
      ETag: tag,
      ...(part && { "Content-Range": `bytes ${first}-${last}/${size}` }),
    };
    const status = part ? 206 : 200;
    if (method === "HEAD" || size === 0) {
      await handle.close();
      return new Response(null, { status, headers });
    }
    // The stream closes the file.
    const stream = Readable.toWeb(handle.createReadStream({ start: first, end: last })) as ReadableStream;
    return new Response(stream, { status, headers });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function typeOf(file: string): string {
  return file.endsWith(".json") ? "application/json" : "application/octet-stream";
}
