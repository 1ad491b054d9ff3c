import { type AnswerPiece, type AnswerRequest, ContextLengthError, createAnswering } from "@secateur/engine";
import { SecateurError } from "@secateur/kit";
import { HttpError } from "../../http-error.ts";
import { hidePaths } from "../../jobs/hide-paths.ts";
import type { FoundModel } from "../../library/models.ts";

/** What a client asks of a model. */
interface Question extends Omit<AnswerRequest, "model"> {
  readonly model: FoundModel;
}

/** Answers that have begun. */
export interface BegunAnswers {
  readonly promptTokens: number;
  /** To be read to its end or left: until then it counts as one of those that are asked. */
  readonly pieces: AsyncGenerator<AnswerPiece, void, undefined>;
}

/** Models that answer, in a process of their own. */
export interface Answers {
  /** Resolves once the prompts are read. Throws HttpError 400, 429 where too much is asked already, and 503, and what the engine throws; `pieces` throws the same. */
  begin(question: Question, gone: AbortSignal): Promise<BegunAnswers>;
  end(): void;
}

// Four are answered at once, the others wait.
const ASKED = 36;

/** Makes the way to ask models; each request may take so many seconds, and none outlasts `ending`. */
export function createAnswers(seconds: number, ending: AbortSignal): Answers {
  const answering = createAnswering();
  let asked = 0;
  return {
    async begin({ model, ...request }, gone) {
      if (asked >= ASKED)
        throw new HttpError(429, "queue", `${asked} requests wait already: try again in a moment`, { "Retry-After": "5" });
      asked++;
      const time = AbortSignal.timeout(seconds * 1000);
      const told = answering.answer({ ...request, model: model.path }, AbortSignal.any([gone, ending, time]));
      const failed = (error: unknown): unknown => {
        if (error instanceof ContextLengthError)
          return new HttpError(400, "context_length_exceeded", error.message, {}, request.prompt.kind === "chat" ? "messages" : "prompt");
        if (gone.aborted) return new HttpError(400, "gone", "the client is gone"); // nobody reads it
        if (ending.aborted) return new HttpError(503, "ending", "the server is about to end");
        if (time.aborted) return new HttpError(503, "timeout", `the answer took longer than ${seconds} seconds`);
        if (error instanceof SecateurError && error.code === "cancelled") return new HttpError(503, "interrupted", error.message);
        if (error instanceof SecateurError) error.message = hidePaths(error.message, new Map([[model.path, model.name]]));
        return error;
      };
      async function* pieces(): BegunAnswers["pieces"] {
        try {
          for await (const one of told) if (one.type === "piece") yield one.piece;
        } catch (error) {
          throw failed(error);
        } finally {
          asked--;
        }
      }
      try {
        const { value } = await told.next();
        return { promptTokens: value?.type === "read" ? value.promptTokens : 0, pieces: pieces() };
      } catch (error) {
        asked--;
        throw failed(error);
      }
    },
    end: answering.end,
  };
}
