import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { hidePaths } from "../jobs/hide-paths.ts";
import { type ListedModel, modelOf } from "../library/models.ts";
import type { Served } from "./context.ts";
import { json, refusals } from "./schemas.ts";

const modelSchema: z.ZodType<ListedModel> = z
  .object({ id: z.string(), name: z.string(), job: z.string().exactOptional().describe("the job that made it") })
  .openapi("Model");

const inspectionSchema: z.ZodType<unknown> = z.looseObject({ id: z.string(), name: z.string() }).openapi("Inspection");

/** Routes of the models that jobs may name. */
export function modelRoutes(app: OpenAPIHono, { library, ask }: Served): void {
  app.openapi(
    createRoute({
      method: "get",
      path: "/api/models",
      summary: "List models",
      responses: { 200: json(z.object({ models: z.array(modelSchema) }), "the models") },
    }),
    async (context) => context.json({ models: (await library.models()).map(({ path: _, ...model }) => model) }, 200),
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/api/models/{id}",
      summary: "Inspect a model: its tensors, their types, and how it was pruned",
      request: { params: z.object({ id: z.string() }) },
      responses: { 200: json(inspectionSchema, "what its headers say"), ...refusals(400, 404, 503) },
    }),
    async (context) => {
      const { path, ...model } = modelOf(await library.models(), context.req.valid("param").id);
      const names = new Map([[path, model.id]]);
      const inspected = await ask("inspect", { path }).catch((error: unknown) => {
        if (error instanceof Error) error.message = hidePaths(error.message, names);
        throw error;
      });
      const { path: _, ...inspection } = hidePaths(inspected, names);
      return context.json({ ...inspection, ...model }, 200);
    },
  );
}
