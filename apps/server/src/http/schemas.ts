import { z } from "@hono/zod-openapi";
import type { ErrorBody } from "../http-error.ts";

/** The body of what is no success. */
const errorSchema: z.ZodType<ErrorBody> = z
  .object({ error: z.object({ code: z.string(), message: z.string() }) })
  .openapi("Error", { description: "what was wrong, for programs and for people" });

/** An answer of JSON, for an operation's list of answers. */
export function json<Schema extends z.ZodType>(
  schema: Schema,
  description: string,
): { content: { "application/json": { schema: Schema } }; description: string } {
  return { content: { "application/json": { schema } }, description };
}

type Refusals<Schema extends z.ZodType, Status extends number> = Record<Status, ReturnType<typeof json<Schema>>>;

/** How an operation refuses, by status. */
export function refusals<Status extends number>(...statuses: readonly Status[]): Refusals<typeof errorSchema, Status> {
  return refusalsAs(errorSchema, statuses);
}

/** The same with bodies of another form. */
export function refusalsAs<Schema extends z.ZodType, Status extends number>(
  schema: Schema,
  statuses: readonly Status[],
): Refusals<Schema, Status> {
  return Object.fromEntries(statuses.map((status) => [status, json(schema, REASONS[status] ?? "refused")])) as Refusals<Schema, Status>;
}

/** What statuses say. */
const REASONS: Readonly<Record<number, string>> = {
  400: "something in the request is wrong",
  401: "the token is missing or another",
  403: "that may not be done",
  404: "there is no such thing",
  409: "its state does not allow that",
  413: "it is too large",
  415: "it is of a kind that is not taken",
  416: "there are no such bytes",
  429: "too many are waiting",
  503: "the server is busy",
  507: "there is no room for it",
};
