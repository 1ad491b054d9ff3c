import { type Message, SecateurError } from "@secateur/kit";
import type { AnswerRequest } from "./messages.ts";
import type { ServedModel } from "./models.ts";

/** A prompt as the model reads it. */
export interface ReadPrompt {
  readonly ids: Int32Array;
  /** So many tokens at its beginning are the tokenizer's own, and no part of the text. */
  readonly begin: number;
  readonly text: string;
}

/** Prompts with their answers' limits. */
export interface ReadPrompts {
  readonly prompts: readonly ReadPrompt[];
  /** At most so many tokens are written after any. */
  readonly maxTokens: number;
}

/** Thrown for prompts that do not fit the model's positions with what is to be written after them. */
export class TooLong extends SecateurError {
  constructor(message: string) {
    super("data", message);
    this.name = "TooLong";
  }
}

/**
 * Reads the prompts of a request. Texts stand behind the tokens that the tokenizer puts before a text, a conversation is what the chat template writes, ids stay as they
 * are. Throws TooLong, and SecateurError for what cannot be read.
 */
export function readPrompts(model: ServedModel, request: AnswerRequest): ReadPrompts {
  const prompts = promptsOf(model, request);
  const { vocabulary, positions } = model.engine.description;
  for (const [i, { ids }] of prompts.entries()) {
    if (ids.length === 0) throw new SecateurError("data", `prompt ${i + 1} has no tokens`);
    const wrong = ids.find((id) => id >= vocabulary);
    if (wrong !== undefined)
      throw new SecateurError("data", `prompt ${i + 1} has token id ${wrong}, the model's vocabulary ends at ${vocabulary - 1}`);
  }
  const longest = Math.max(...prompts.map(({ ids }) => ids.length));
  const { maxTokens, defaultTokens } = request;
  const least = maxTokens ?? Math.min(1, defaultTokens);
  if (longest + least > positions) {
    const i = prompts.findIndex(({ ids }) => ids.length === longest);
    const which = prompts.length === 1 ? "the prompt" : `prompt ${i + 1}`;
    throw new TooLong(
      `the model's context has ${positions} tokens: ${which} has ${longest}, and ${least} ${least === 1 ? "is" : "are"} to be written after it`,
    );
  }
  const most = maxTokens ?? Math.min(defaultTokens, positions - longest);
  checkLogProbs(prompts, most, request);
  return { prompts, maxTokens: most };
}

// Some 30 MiB as JSON: they are held until they are sent.
const LOG_PROBS = 2 ** 18;

function checkLogProbs(prompts: readonly ReadPrompt[], maxTokens: number, { top, echo }: AnswerRequest): void {
  if (top === undefined) return;
  const tokens = prompts.reduce((sum, { ids }) => sum + (echo ? ids.length : 0) + maxTokens, 0);
  const asked = tokens * (top + 1);
  if (asked <= LOG_PROBS) return;
  const what = `up to ${asked} log-probabilities are asked for, and ${LOG_PROBS} are told at most`;
  throw new SecateurError("usage", `${what}: fewer prompts or tokens, or fewer of the likeliest, leave less`);
}

function promptsOf(model: ServedModel, { prompt }: AnswerRequest): ReadPrompt[] {
  switch (prompt.kind) {
    case "ids":
      return prompt.ids.map((given) => {
        const ids = Int32Array.from(given);
        return { ids, begin: 0, text: model.engine.model.tokenizer ? model.tokenizer().decode(ids) : "" };
      });
    case "texts": {
      const { beginTokens } = model.tokenizer();
      return prompt.texts.map((text) => {
        return { ids: Int32Array.from([...beginTokens, ...model.tokenizer().encode(text)]), begin: beginTokens.length, text };
      });
    }
    case "chat": {
      const text = renderedOf(model, prompt.messages);
      return [{ ids: model.tokenizer().encode(text), begin: 0, text }];
    }
  }
}

function renderedOf(model: ServedModel, messages: readonly Message[]): string {
  const [text] = model.template().render([{ messages, addGenerationPrompt: true }]);
  return text as string; // a rendering each
}
