import { stat } from "node:fs/promises";
import { join } from "node:path";
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { HttpError } from "../../http-error.ts";
import type { FoundModel } from "../../library/models.ts";
import type { Served } from "../context.ts";
import { json } from "../schemas.ts";
import { openAIRefusals } from "./errors.ts";

/** A model as OpenAI's interface lists it. */
interface OpenAIModel {
  readonly id: string;
  readonly object: "model";
  readonly created: number;
  readonly owned_by: string;
  readonly name: string;
}

const modelSchema: z.ZodType<OpenAIModel> = z
  .object({
    id: z.string(),
    object: z.literal("model"),
    created: z.int().describe("when its config was written, in seconds of Unix time"),
    owned_by: z.string(),
    name: z.string().describe("works in place of the id where no other model has it"),
  })
  .openapi("OpenAIModel");

/** The model that a request names: by its id, or by a name that only one has. Throws HttpError 404. */
export function namedModel(models: readonly FoundModel[], named: string): FoundModel {
  const byId = models.find(({ id }) => id === named);
  const [byName, another] = models.filter(({ name }) => name === named);
  if (byId) return byId;
  if (byName && !another) return byName;
  const what = byName ? "several models have this name: name one by its id" : "there is no such model";
  throw new HttpError(404, "model_not_found", `model ${JSON.stringify(named.slice(0, 100))}: ${what}; /v1/models lists them`, {}, "model");
}

/** Routes of the models that answer, as OpenAI's interface has them. */
export function openAIModelRoutes(app: OpenAPIHono, { library }: Served): void {
  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/models",
      summary: "List models, as OpenAI's interface does",
      responses: { 200: json(z.object({ object: z.literal("list"), data: z.array(modelSchema) }), "the models of /api/models") },
    }),
    async (context) => {
      const data = await Promise.all((await library.models()).map(listed));
      return context.json({ object: "list" as const, data }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/v1/models/{model}",
      summary: "One model, as OpenAI's interface tells of it",
      request: { params: z.object({ model: z.string() }) },
      responses: { 200: json(modelSchema, "the model"), ...openAIRefusals(404) },
    }),
    async (context) => context.json(await listed(namedModel(await library.models(), context.req.valid("param").model)), 200),
  );
}

async function listed({ id, name, path }: FoundModel): Promise<OpenAIModel> {
  const written = await stat(join(path, "config.json")).catch(() => undefined);
  return { id, object: "model", created: Math.floor((written?.mtimeMs ?? 0) / 1000), owned_by: "secateur", name };
}
