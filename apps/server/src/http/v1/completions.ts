import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { AnswerPiece, AnswerToken, Prompt, TokenText } from "@secateur/engine";
import type { Served } from "../context.ts";
import type { BegunAnswers } from "./answers.ts";
import { begin, type Head, headOf } from "./begin.ts";
import { openAIRefusals } from "./errors.ts";
import { sendChunks, type Usage, usageOf, usageSchema } from "./reply.ts";
import { type CommonFields, commonShape } from "./request.ts";

/** Log-probabilities of a completion's tokens. */
interface CompletionLogprobs {
  readonly tokens: readonly string[];
  readonly token_logprobs: readonly (number | null)[];
  /** The likeliest tokens of each place, and the token itself. */
  readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[];
  readonly text_offset: readonly number[];
}

interface CompletionChoice {
  readonly index: number;
  readonly text: string;
  readonly logprobs: CompletionLogprobs | null;
  readonly finish_reason: "stop" | "length" | null;
}

interface Completion extends Head {
  readonly object: "text_completion";
  readonly choices: readonly CompletionChoice[];
  readonly usage?: Usage | null | undefined;
}

const completionSchema: z.ZodType<Completion> = z
  .object({
    id: z.string(),
    object: z.literal("text_completion"),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.int(),
        text: z.string(),
        logprobs: z
          .object({
            tokens: z.array(z.string()),
            token_logprobs: z.array(z.number().nullable()),
            top_logprobs: z.array(z.record(z.string(), z.number()).nullable()),
            text_offset: z.array(z.int()),
          })
          .nullable(),
        finish_reason: z.enum(["stop", "length"]).nullable(),
      }),
    ),
    usage: usageSchema.nullish(),
  })
  .openapi("Completion");

interface CompletionRequest extends CommonFields {
  readonly prompt: string | readonly string[] | readonly number[] | readonly (readonly number[])[];
  readonly echo?: boolean | null | undefined;
  readonly logprobs?: number | null | undefined;
}

const MAX_PROMPTS = 128;
const DEFAULT_TOKENS = 16;
const tokenId = z.int().min(0).max(0x7fffffff);
const ids = z.array(tokenId).min(1);
const few = `1 to ${MAX_PROMPTS} prompts were wanted`;

const requestSchema = z
  .object({
    ...commonShape,
    prompt: z
      .union(
        [z.string(), z.array(z.string()).min(1).max(MAX_PROMPTS), ids, z.array(ids).min(1).max(MAX_PROMPTS)],
        `a text, token ids, or ${few}`,
      )
      .describe("a text, or token ids; or several of either"),
    echo: z.boolean().nullish(),
    logprobs: z.int().min(0).max(20).nullish(),
    best_of: z.literal(1, "one answer is given for a prompt: 1 was wanted").nullish(),
    suffix: z.literal("", "an answer has no suffix: nothing was wanted here").nullish(),
  })
  .openapi("CompletionRequest");

/** The route of completions, as OpenAI's interface has it. */
export function completionRoutes(app: OpenAPIHono, served: Served): void {
  app.openapi(
    createRoute({
      method: "post",
      path: "/v1/completions",
      summary: "Go on from texts or token ids, as OpenAI's interface does; with stream as server-sent events",
      request: { body: { content: { "application/json": { schema: requestSchema } }, required: true } },
      responses: {
        200: {
          content: { "application/json": { schema: completionSchema }, "text/event-stream": { schema: z.string() } },
          description: "the completion, or its chunks",
        },
        ...openAIRefusals(400, 401, 404, 413, 415, 429, 503),
      },
    }),
    async (context) => {
      const asked = context.req.valid("json") as unknown as CompletionRequest; // as the schema says, which its common part cannot
      const { begun, gone } = await begin(context, served, asked, {
        prompt: promptOf(asked.prompt),
        echo: asked.echo ?? false,
        maxTokens: asked.max_tokens ?? undefined,
        defaultTokens: DEFAULT_TOKENS,
        top: asked.logprobs ?? undefined,
      });
      const head = { ...headOf("cmpl", asked), object: "text_completion" as const };
      if (asked.stream) return sendChunks(context, chunksOf(begun, head, asked), gone, served.log);
      return context.json(await wholeOf(begun, head, asked), 200);
    },
  );
}

type CompletionHead = Omit<Completion, "choices" | "usage">;

function promptOf(prompt: CompletionRequest["prompt"]): Prompt {
  if (typeof prompt === "string") return { kind: "texts", texts: [prompt] };
  const [first] = prompt;
  if (typeof first === "string") return { kind: "texts", texts: prompt as readonly string[] };
  return { kind: "ids", ids: typeof first === "number" ? [prompt as readonly number[]] : (prompt as readonly (readonly number[])[]) };
}

async function wholeOf({ promptTokens, pieces }: BegunAnswers, head: CompletionHead, asked: CompletionRequest): Promise<Completion> {
  const answers: { text: string; tokens: AnswerToken[]; reason: CompletionChoice["finish_reason"] }[] = [];
  let written = 0;
  for await (const piece of pieces) {
    const answer = answers[piece.prompt] ?? { text: "", tokens: [], reason: null };
    answers[piece.prompt] = answer;
    answer.text += piece.text;
    answer.tokens.push(...piece.tokens);
    answer.reason = piece.finishReason ?? null;
    written += piece.written;
  }
  const choices = answers.map(({ text, tokens, reason }, index) => ({
    index,
    text,
    logprobs: logprobsOf(tokens, asked),
    finish_reason: reason,
  }));
  return { ...head, choices, usage: usageOf(promptTokens, written) };
}

async function* chunksOf(
  { promptTokens, pieces }: BegunAnswers,
  head: CompletionHead,
  asked: CompletionRequest,
): AsyncGenerator<Completion, void, undefined> {
  const usage = asked.stream_options?.include_usage ? { usage: null } : {};
  let written = 0;
  for await (const piece of pieces) {
    written += piece.written;
    if (isEmpty(piece)) continue;
    const { prompt: index, text, tokens, finishReason } = piece;
    yield { ...head, choices: [{ index, text, logprobs: logprobsOf(tokens, asked), finish_reason: finishReason ?? null }], ...usage };
  }
  if (asked.stream_options?.include_usage) yield { ...head, choices: [], usage: usageOf(promptTokens, written) };
}

function isEmpty({ text, tokens, finishReason }: AnswerPiece): boolean {
  return text === "" && tokens.length === 0 && finishReason === undefined;
}

function logprobsOf(tokens: readonly AnswerToken[], { logprobs }: CompletionRequest): CompletionLogprobs | null {
  if (logprobs === undefined || logprobs === null) return null;
  return {
    tokens: tokens.map(nameOf),
    token_logprobs: tokens.map(({ logProb }) => logProb),
    top_logprobs: tokens.map(({ top }) => top && byText(top)),
    text_offset: tokens.map(({ offset }) => offset),
  };
}

/** A token's text; of one that is a part of a character only, its bytes. */
function nameOf({ text, bytes }: TokenText): string {
  if (bytes === null || !text.includes("\uFFFD")) return text;
  return `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}`;
}

/** The likeliest first; of tokens with one text it is the one that counts. */
function byText(top: NonNullable<AnswerToken["top"]>): Record<string, number> {
  const found = new Map<string, number>();
  for (const token of top) if (!found.has(nameOf(token))) found.set(nameOf(token), token.logProb);
  return Object.fromEntries(found);
}
