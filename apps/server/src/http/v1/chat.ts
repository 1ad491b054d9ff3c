import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { AnswerToken, TokenChoice } from "@secateur/engine";
import type { Served } from "../context.ts";
import type { BegunAnswers } from "./answers.ts";
import { begin, type Head, headOf } from "./begin.ts";
import { openAIRefusals } from "./errors.ts";
import { sendChunks, type Usage, usageOf, usageSchema } from "./reply.ts";
import { type CommonFields, commonShape, MAX_TOKENS } from "./request.ts";

interface TokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[] | null;
}

interface ChatLogprobs {
  readonly content: readonly (TokenLogprob & { readonly top_logprobs: readonly TokenLogprob[] })[];
  readonly refusal: null;
}

interface ChatChoice {
  readonly index: 0;
  readonly logprobs: ChatLogprobs | null;
  readonly finish_reason: "stop" | "length" | null;
}

interface ChatCompletion extends Head {
  readonly object: "chat.completion";
  readonly choices: readonly (ChatChoice & {
    readonly message: { readonly role: "assistant"; readonly content: string; readonly refusal: null };
  })[];
  readonly usage: Usage;
}

interface ChatChunk extends Omit<ChatCompletion, "object" | "choices" | "usage"> {
  readonly object: "chat.completion.chunk";
  readonly choices: readonly (ChatChoice & { readonly delta: { readonly role?: "assistant"; readonly content?: string } })[];
  readonly usage?: Usage | null;
}

const tokenShape = { token: z.string(), logprob: z.number(), bytes: z.array(z.int()).nullable() };
const chatSchema: z.ZodType<ChatCompletion> = z
  .object({
    id: z.string(),
    object: z.literal("chat.completion"),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.literal(0),
        message: z.object({ role: z.literal("assistant"), content: z.string(), refusal: z.null() }),
        logprobs: z
          .object({ content: z.array(z.object({ ...tokenShape, top_logprobs: z.array(z.object(tokenShape)) })), refusal: z.null() })
          .nullable(),
        finish_reason: z.enum(["stop", "length"]).nullable(),
      }),
    ),
    usage: usageSchema,
  })
  .openapi("ChatCompletion");

interface ChatRequest extends CommonFields {
  readonly messages: readonly {
    readonly role: "system" | "developer" | "user" | "assistant";
    readonly content: string | readonly { readonly type: "text"; readonly text: string }[];
  }[];
  readonly max_completion_tokens?: number | null | undefined;
  readonly logprobs?: boolean | null | undefined;
  readonly top_logprobs?: number | null | undefined;
}

const MAX_MESSAGES = 1000;
const tokenLimit = z.int().min(1).max(MAX_TOKENS).nullish();
const noTools = z.array(z.unknown()).max(0, "no tools are called: none was wanted").nullish();
const parts = z.array(z.object({ type: z.literal("text", 'texts are read alone: "text" was wanted'), text: z.string() }));

const requestSchema = z
  .object({
    ...commonShape,
    messages: z
      .array(z.object({ role: z.enum(["system", "developer", "user", "assistant"]), content: z.union([z.string(), parts]) }))
      .min(1)
      .max(MAX_MESSAGES),
    max_tokens: tokenLimit,
    max_completion_tokens: tokenLimit.describe("as many as there is room for where both are left out"),
    logprobs: z.boolean().nullish(),
    top_logprobs: z.int().min(0).max(20).nullish(),
    tools: noTools,
    functions: noTools,
    response_format: z.object({ type: z.literal("text", 'answers are texts: "text" was wanted') }).nullish(),
  })
  .refine(({ logprobs, top_logprobs: top }) => logprobs === true || top === undefined || top === null, {
    path: ["top_logprobs"],
    message: "logprobs has to be true with it",
  })
  .openapi("ChatCompletionRequest");

/** The route of conversations, as OpenAI's interface has it. */
export function chatRoutes(app: OpenAPIHono, served: Served): void {
  app.openapi(
    createRoute({
      method: "post",
      path: "/v1/chat/completions",
      summary: "Answer a conversation, by the model's chat template, as OpenAI's interface does; with stream as server-sent events",
      request: { body: { content: { "application/json": { schema: requestSchema } }, required: true } },
      responses: {
        200: {
          content: { "application/json": { schema: chatSchema }, "text/event-stream": { schema: z.string() } },
          description: "the answer, or its chunks",
        },
        ...openAIRefusals(400, 401, 404, 413, 415, 429, 503),
      },
    }),
    async (context) => {
      const asked = context.req.valid("json") as unknown as ChatRequest; // as the schema says, which its common part cannot
      const { begun, gone } = await begin(context, served, asked, {
        prompt: { kind: "chat", messages: messagesOf(asked) },
        echo: false,
        maxTokens: asked.max_completion_tokens ?? asked.max_tokens ?? undefined,
        defaultTokens: MAX_TOKENS,
        top: asked.logprobs ? (asked.top_logprobs ?? 0) : undefined,
      });
      const head = headOf("chatcmpl", asked);
      if (asked.stream) return sendChunks(context, chunksOf(begun, head, asked), gone, served.log);
      return context.json(await wholeOf(begun, head, asked), 200);
    },
  );
}

/** As chat templates know them: what OpenAI calls developer is the system to them. */
function messagesOf({ messages }: ChatRequest): { role: string; content: string }[] {
  return messages.map(({ role, content }) => ({
    role: role === "developer" ? "system" : role,
    content: typeof content === "string" ? content : content.map(({ text }) => text).join(""),
  }));
}

async function wholeOf({ promptTokens, pieces }: BegunAnswers, head: Head, asked: ChatRequest): Promise<ChatCompletion> {
  const tokens: AnswerToken[] = [];
  let [content, written] = ["", 0];
  let reason: ChatChoice["finish_reason"] = null;
  for await (const piece of pieces) {
    content += piece.text;
    tokens.push(...piece.tokens);
    written += piece.written;
    reason = piece.finishReason ?? null;
  }
  const message = { role: "assistant" as const, content, refusal: null };
  const choices = [{ index: 0 as const, message, logprobs: logprobsOf(tokens, asked), finish_reason: reason }];
  return { ...head, object: "chat.completion", choices, usage: usageOf(promptTokens, written) };
}

async function* chunksOf(
  { promptTokens, pieces }: BegunAnswers,
  head: Head,
  asked: ChatRequest,
): AsyncGenerator<ChatChunk, void, undefined> {
  const withUsage = asked.stream_options?.include_usage === true;
  const chunk = (
    delta: ChatChunk["choices"][number]["delta"],
    tokens: readonly AnswerToken[],
    reason: ChatChoice["finish_reason"],
  ): ChatChunk => ({
    ...head,
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, logprobs: tokens.length > 0 ? logprobsOf(tokens, asked) : null, finish_reason: reason }],
    ...(withUsage && { usage: null }),
  });
  let written: number | undefined;
  for await (const piece of pieces) {
    if (written === undefined) yield chunk({ role: "assistant", content: "" }, [], null);
    written = (written ?? 0) + piece.written;
    const tokens = piece.tokens.filter(({ ends }) => !ends);
    if (piece.text !== "" || tokens.length > 0) yield chunk({ content: piece.text }, tokens, null);
    if (piece.finishReason) yield chunk({}, [], piece.finishReason);
  }
  if (withUsage) yield { ...head, object: "chat.completion.chunk", choices: [], usage: usageOf(promptTokens, written ?? 0) };
}

function logprobsOf(tokens: readonly AnswerToken[], { logprobs, top_logprobs: count }: ChatRequest): ChatLogprobs | null {
  if (!logprobs) return null;
  const content = tokens.flatMap(({ ends, text, bytes, logProb, top }) => {
    if (ends || logProb === null) return [];
    return [{ ...tokenOf({ text, bytes, logProb }), top_logprobs: (top ?? []).slice(0, count ?? 0).map(tokenOf) }];
  });
  return { content, refusal: null };
}

function tokenOf({ text, bytes, logProb }: TokenChoice): TokenLogprob {
  return { token: text, logprob: logProb, bytes };
}
