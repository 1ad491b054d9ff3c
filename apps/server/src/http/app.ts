import { randomUUID } from "node:crypto";
import { OpenAPIHono } from "@hono/zod-openapi";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { routePath } from "hono/route";
import { type ErrorBody, HttpError, httpErrorOf } from "../http-error.ts";
import { artefactRoutes } from "./artefacts.ts";
import type { Served } from "./context.ts";
import { dataRoutes } from "./data.ts";
import { guard } from "./guard.ts";
import { jobRoutes } from "./jobs.ts";
import { modelRoutes } from "./models.ts";
import { outcomeRoutes } from "./outcome.ts";
import { pageRoutes } from "./page.ts";
import { stateRoutes } from "./state.ts";
import { chatRoutes } from "./v1/chat.ts";
import { completionRoutes } from "./v1/completions.ts";
import { openAIError } from "./v1/errors.ts";
import { openAIModelRoutes } from "./v1/models.ts";

const MAX_JSON_BYTES = 2 ** 20;
// Asked by what watches over the server, and telling nothing.
const OPEN = ["/healthz", "/readyz"];

/** The server's HTTP interface. */
export function createApp(served: Served): OpenAPIHono {
  const app = new OpenAPIHono({
    defaultHook(result) {
      if (result.success) return;
      const [issue] = result.error.issues;
      if (issue === undefined) throw new HttpError(400, "invalid", "the request is invalid");
      const message = `${[result.target, ...issue.path].join(".")}: ${issue.message}`;
      throw new HttpError(400, "invalid", message, {}, issue.path.join("."));
    },
  });
  app.onError((error, context) => {
    const told = toldOf(error);
    if (told.status === 500) served.log.error({ error: error instanceof Error ? error.stack : String(error) }, "a request fails");
    const plain: ErrorBody = { error: { code: told.code, message: told.message } };
    const body = /^\/v1(?:\/|$)/.test(context.req.path) ? openAIError(told) : plain;
    // What is left of a body is not waited for.
    const hadBody = context.req.method !== "GET" && context.req.method !== "HEAD";
    return context.json(body, told.status, { ...told.headers, ...(hadBody && { Connection: "close" }) });
  });
  app.notFound(() => {
    throw new HttpError(404, "not-found", "there is nothing here: /openapi.json says what there is");
  });
  app.use(async (context, next) => {
    const started = performance.now();
    await next();
    const seconds = (performance.now() - started) / 1000;
    const { method } = context.req;
    const { status } = context.res;
    const route = routePath(context, -1);
    served.metrics.request({ method, route, status, seconds });
    served.log.info({ id: randomUUID(), method, route, status, ms: Math.round(seconds * 1000) }, "request");
  });
  // The page asks for the token itself: it is the same for everybody.
  const open = new Set([...OPEN, ...served.page.keys()]);
  app.use(guard({ ...served.settings, open }));
  const limit = bodyLimit({
    maxSize: MAX_JSON_BYTES,
    onError() {
      throw new HttpError(413, "too-large", `the body is larger than ${MAX_JSON_BYTES} bytes`);
    },
  });
  for (const path of ["/api/jobs/*", "/api/data/:id/preview", "/v1/*"]) {
    app.use(path, limit);
    app.use(path, async ({ req }, next) => {
      const type = req.header("content-type") ?? "";
      const hasBody = req.header("transfer-encoding") !== undefined || Number(req.header("content-length") ?? 0) > 0;
      const wantsBody = hasBody || req.path === "/api/jobs" || path === "/v1/*";
      if (req.method === "POST" && wantsBody && !/^application\/json\s*(?:;|$)/i.test(type))
        throw new HttpError(415, "content-type", "application/json was wanted");
      await next();
    });
  }
  stateRoutes(app, served);
  modelRoutes(app, served);
  dataRoutes(app, served);
  jobRoutes(app, served);
  outcomeRoutes(app, served);
  artefactRoutes(app, served);
  openAIModelRoutes(app, served);
  completionRoutes(app, served);
  chatRoutes(app, served);
  pageRoutes(app, served.page);
  app.doc31("/openapi.json", {
    openapi: "3.1.0",
    info: {
      title: "Secateur",
      version: served.version,
      description: "Makes language models smaller for the work their users have for them.",
    },
  });
  return app;
}

/** What the framework itself refuses is told in the same form. */
function toldOf(error: unknown): HttpError {
  if (error instanceof HTTPException && error.status === 400) return new HttpError(400, "invalid", "the body is malformed");
  return httpErrorOf(error);
}
