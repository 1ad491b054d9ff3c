import { createServer, type Server } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { ErrorBody } from "../http-error.ts";

/** Answers requests. */
export type Fetch = (request: Request) => Response | Promise<Response>;

// So long may a request take to come in. The five minutes that Node gives are too few for a large upload over a slow line.
const REQUEST_MS = 3_600_000;

/** A server of Node that answers by `fetch`; requests that are none, such as those with a malformed Host, are refused in its form. */
export function createHttpServer(fetch: Fetch): Server {
  const body: ErrorBody = { error: { code: "request", message: "the request is malformed" } };
  const headers = { Connection: "close", "X-Content-Type-Options": "nosniff" };
  const listener = getRequestListener(fetch, { errorHandler: () => Response.json(body, { status: 400, headers }) });
  return createServer({ requestTimeout: REQUEST_MS }, listener);
}
