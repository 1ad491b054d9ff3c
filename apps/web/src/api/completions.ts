import { type Api, ApiError } from "./client.ts";
import { readEvents } from "./event-stream.ts";

/** What a model is asked. */
export interface Prompt {
  /** As `/v1/models` calls it. */
  readonly model: string;
  readonly text: string;
  /** Whether the text is a user's turn in a conversation, which the model's chat template frames. */
  readonly chat: boolean;
  readonly maxTokens: number;
  readonly temperature: number;
}

/** A model's answer in the pieces that come. Throws ApiError for what the server refuses, also on the way. */
export async function* streamAnswer(api: Pick<Api, "send">, prompt: Prompt, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
  const { model, text, chat, maxTokens, temperature } = prompt;
  const asked = chat ? { messages: [{ role: "user", content: text }] } : { prompt: text };
  const body = JSON.stringify({ model, ...asked, max_tokens: maxTokens, temperature, stream: true });
  const headers = { "Content-Type": "application/json" };
  const response = await api.send(chat ? "/v1/chat/completions" : "/v1/completions", { method: "POST", headers, body, signal });
  if (response.body === null) return;
  for await (const { data } of readEvents(response.body)) {
    if (data === "[DONE]") return;
    const piece = pieceOf(data);
    if (piece !== "") yield piece;
  }
}

/** What of an event is text of the answer. */
interface Chunk {
  readonly choices?: readonly { readonly text?: string; readonly delta?: { readonly content?: string | null } }[];
  readonly error?: { readonly code?: string; readonly message?: string };
}

function pieceOf(data: string): string {
  const { choices: [choice] = [], error } = JSON.parse(data) as Chunk;
  if (error) throw new ApiError(200, error.code ?? "error", error.message ?? "the model failed to answer");
  return choice?.text ?? choice?.delta?.content ?? "";
}
