import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { hidePaths } from "../jobs/hide-paths.ts";
import { checkTemplate } from "../jobs/recipe.ts";
import { dataOf, type FoundData, type ListedData, removeData } from "../library/data.ts";
import { createUploads } from "../library/upload.ts";
import type { Served } from "./context.ts";
import { json, refusals } from "./schemas.ts";

const dataSchema: z.ZodType<ListedData> = z
  .object({
    id: z.string(),
    name: z.string(),
    bytes: z.int(),
    uploaded: z.boolean().describe("whether a client has brought it, and may take it away"),
  })
  .openapi("Data");
const params = z.object({ id: z.string() });
const previewSchema = z.strictObject({
  fields: z.record(z.string(), z.string()).optional().describe("standard key → the column that holds it"),
  template: z.string().optional().describe("a text with {column} places, or a task template's name"),
  count: z.int().min(1).max(50).default(5),
});
const uploadSchema = z.object({ file: z.string().openapi({ format: "binary" }) });
const documentsSchema = z.object({
  documents: z.array(z.unknown()).describe("documents as packages/kit describes them"),
  report: z.object({ rows: z.int(), empty: z.int(), duplicates: z.int() }),
});

// So many characters of a text are shown.
const CHARACTERS = 2000;

/** Routes of the data that jobs may name. */
export function dataRoutes(app: OpenAPIHono, { library, ask, home, endings, settings, plugins }: Served): void {
  app.openapi(
    createRoute({
      method: "get",
      path: "/api/data",
      summary: "List data",
      responses: { 200: json(z.object({ data: z.array(dataSchema) }), "the data") },
    }),
    async (context) => context.json({ data: (await library.data()).map(listed) }, 200),
  );
  // Described only: validated by the framework, the body would be read into memory.
  app.openAPIRegistry.registerPath({
    method: "post",
    path: "/api/data",
    summary: "Upload a file that a loader reads",
    request: { body: { content: { "multipart/form-data": { schema: uploadSchema } }, required: true } },
    responses: { 201: json(dataSchema, "it is here"), ...refusals(400, 413, 415, 507) },
  });
  const { maxUploadBytes: maxBytes, maxDataBytes: maxTotalBytes } = settings;
  const takeUpload = createUploads({ uploads: home.uploads, endings, maxBytes, maxTotalBytes });
  app.post("/api/data", async (context) => {
    return context.json(listed(await takeUpload(context.req.raw)), 201);
  });
  app.openapi(
    createRoute({
      method: "post",
      path: "/api/data/{id}/preview",
      summary: "The first rows as the loader reads them",
      request: { params, body: { content: { "application/json": { schema: previewSchema } }, required: true } },
      responses: { 200: json(documentsSchema, "its first documents"), ...refusals(400, 404, 413, 415, 503) },
    }),
    async (context) => {
      const { path, id } = dataOf(await library.data(), context.req.valid("param").id);
      const { fields, template, count } = context.req.valid("json");
      checkTemplate(template, plugins);
      const names = new Map([[path, id]]);
      const preview = await ask("preview", { source: path, fields, template, count, characters: CHARACTERS }).catch((error: unknown) => {
        if (error instanceof Error) error.message = hidePaths(error.message, names);
        throw error;
      });
      return context.json({ documents: hidePaths<readonly unknown[]>(preview.documents, names).slice(), report: preview.report }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: "delete",
      path: "/api/data/{id}",
      summary: "Take an upload away",
      request: { params },
      responses: { 204: { description: "it is gone" }, ...refusals(403, 404) },
    }),
    async (context) => {
      await removeData(dataOf(await library.data(), context.req.valid("param").id));
      return context.body(null, 204);
    },
  );
}

function listed({ path: _, ...data }: FoundData): ListedData {
  return data;
}
