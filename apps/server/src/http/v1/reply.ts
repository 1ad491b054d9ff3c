import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import { httpErrorOf } from "../../http-error.ts";
import type { Log } from "../../log.ts";
import { openAIError } from "./errors.ts";

/** How many tokens a request took. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** The schema of `Usage`. */
export const usageSchema: z.ZodType<Usage> = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
});

/** The usage of so many tokens. */
export function usageOf(prompt: number, completion: number): Usage {
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

/** Sends chunks as server-sent events, as OpenAI's interface does: `[DONE]` is the last; what fails is told as an error and ends them. */
export function sendChunks(context: Context, chunks: AsyncIterable<unknown>, gone: AbortController, log: Log): Response {
  return streamSSE(context, async (stream) => {
    stream.onAbort(() => gone.abort());
    try {
      for await (const chunk of chunks) await stream.writeSSE({ data: JSON.stringify(chunk) });
      await stream.writeSSE({ data: "[DONE]" });
    } catch (error) {
      if (gone.signal.aborted) return;
      const told = httpErrorOf(error);
      if (told.status === 500) log.error({ error: error instanceof Error ? error.stack : String(error) }, "an answer fails");
      await stream.writeSSE({ data: JSON.stringify(openAIError(told)) });
    }
  });
}

/** Given when the client of a request is gone. */
export function goneWith(context: Context): AbortController {
  const gone = new AbortController();
  const { signal } = context.req.raw;
  signal.addEventListener("abort", () => gone.abort(), { once: true });
  if (signal.aborted) gone.abort();
  return gone;
}
