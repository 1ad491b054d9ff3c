import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { PluginList } from "@secateur/engine";
import { HttpError } from "../http-error.ts";
import { countJobs } from "../jobs/store.ts";
import type { Served } from "./context.ts";
import { json, refusals } from "./schemas.ts";

const okSchema = z.object({ ok: z.literal(true) });
const pluginsSchema: z.ZodType<PluginList> = z
  .record(
    z.string(),
    z.array(
      z.object({
        name: z.string(),
        summary: z.string(),
        options: z.array(
          z.object({
            name: z.string(),
            type: z.string(),
            required: z.boolean(),
            default: z.unknown().optional(),
            description: z.string().exactOptional(),
            enum: z.array(z.unknown()).exactOptional(),
            minimum: z.number().exactOptional(),
            exclusiveMinimum: z.number().exactOptional(),
            maximum: z.number().exactOptional(),
            exclusiveMaximum: z.number().exactOptional(),
          }),
        ),
        solver: z.boolean().exactOptional().describe("of a scorer: whether it can be a recipe's solver"),
        extensions: z.array(z.string()).exactOptional(),
        problem: z.string().exactOptional(),
      }),
    ),
  )
  .openapi("Plugins", { description: "kind → the plugins of that kind, with their options" });

/** Routes that say how the server is and what it has. */
export function stateRoutes(app: OpenAPIHono, { database, plugins, metrics, ending }: Served): void {
  app.openapi(
    createRoute({ method: "get", path: "/healthz", summary: "Whether the server runs", responses: { 200: json(okSchema, "it does") } }),
    (context) => context.json({ ok: true as const }, 200),
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/readyz",
      summary: "Whether the server takes work",
      responses: { 200: json(okSchema, "it does"), ...refusals(503) },
    }),
    async (context) => {
      if (ending.aborted) throw new HttpError(503, "ending", "the server is about to end");
      await database.query("select 1").catch(() => {
        throw new HttpError(503, "database", "the database does not answer");
      });
      return context.json({ ok: true as const }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/api/plugins",
      summary: "The plugins that recipes may name",
      responses: { 200: json(pluginsSchema, "the plugins") },
    }),
    (context) => context.json(plugins, 200),
  );
  app.get("/metrics", async (context) => {
    metrics.jobs(await countJobs(database));
    const { type, text } = await metrics.read();
    return context.body(text, 200, { "Content-Type": type });
  });
}
