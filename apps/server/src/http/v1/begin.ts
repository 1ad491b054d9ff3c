import { randomUUID } from "node:crypto";
import type { AnswerRequest } from "@secateur/engine";
import type { Context } from "hono";
import type { Served } from "../context.ts";
import type { BegunAnswers } from "./answers.ts";
import { namedModel } from "./models.ts";
import { goneWith } from "./reply.ts";
import { type CommonFields, samplingOf, stopsOf } from "./request.ts";

/** What every reply, and every chunk of one, begins with. */
export interface Head {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

/** Asks the model that a request names, in a way that ends when its client is gone. Throws as `Answers.begin` and `namedModel` do. */
export async function begin(
  context: Context,
  { library, answers }: Pick<Served, "library" | "answers">,
  asked: CommonFields,
  question: Pick<AnswerRequest, "prompt" | "echo" | "maxTokens" | "defaultTokens" | "top">,
): Promise<{ readonly begun: BegunAnswers; readonly gone: AbortController }> {
  const model = namedModel(await library.models(), asked.model);
  const gone = goneWith(context);
  return { gone, begun: await answers.begin({ model, ...question, stop: stopsOf(asked), ...samplingOf(asked) }, gone.signal) };
}

/** The head of a reply, whose id begins with what kind it is. */
export function headOf(kind: "cmpl" | "chatcmpl", { model }: CommonFields): Head {
  return { id: `${kind}-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model };
}
