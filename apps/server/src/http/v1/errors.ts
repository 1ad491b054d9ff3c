import { z } from "@hono/zod-openapi";
import type { HttpError } from "../../http-error.ts";
import { refusalsAs } from "../schemas.ts";

/** What OpenAI's interface answers what is no success. */
export interface OpenAIErrorBody {
  readonly error: { readonly message: string; readonly type: string; readonly param: string | null; readonly code: string };
}

const errorSchema: z.ZodType<OpenAIErrorBody> = z
  .object({ error: z.object({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.string() }) })
  .openapi("OpenAIError", { description: "what was wrong, as OpenAI's interface tells it" });

/** A refusal as OpenAI's interface tells it. */
export function openAIError({ status, code, message, param }: HttpError): OpenAIErrorBody {
  const type = status >= 500 ? "server_error" : status === 429 ? "rate_limit_error" : "invalid_request_error";
  return { error: { message, type, param: param || null, code } };
}

/** How an operation of OpenAI's interface refuses, by status. */
export function openAIRefusals<Status extends number>(
  ...statuses: readonly Status[]
): ReturnType<typeof refusalsAs<typeof errorSchema, Status>> {
  return refusalsAs(errorSchema, statuses);
}
