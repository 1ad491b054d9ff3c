import { errorAt, type Message, type Origin } from "@secateur/kit";
import { type ChatTemplate, chatTemplate } from "./chat-template.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** A part of a text, from `start` up to but without `end`, in UTF-16 units. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A conversation as its model reads it, and where the assistant's turns are in it. */
export interface ChatText {
  readonly text: string;
  readonly spans: readonly Span[];
}

/** What is wanted of a rendering. */
export interface RenderOptions {
  /** Whether to find the assistant's turns (default), which not every template allows; without, `spans` is empty. */
  readonly findAnswers?: boolean;
  /** The template, where the caller keeps it for many conversations. */
  readonly template?: ChatTemplate;
}

/**
 * Renders a conversation with the model's chat template. An assistant's turn begins where the messages before it end, rendered with the generation
 * prompt, and ends where the messages up to it end: what a message quotes forges no turn. Throws SecateurError `unsupported` when one of those
 * renderings does not begin the whole, and whatever `chatTemplate` and its `render` throw.
 */
export function renderChat(tokenizer: Tokenizer, messages: readonly Message[], origin: Origin, options: RenderOptions = {}): ChatText {
  const template = options.template ?? chatTemplate(tokenizer.files, tokenizer.source);
  const answers = options.findAnswers === false ? [] : messages.flatMap(({ role }, i) => (role === "assistant" ? [i] : []));
  const [text = "", ...prefixes] = template.render(
    [
      { messages, addGenerationPrompt: false },
      ...answers.flatMap((i) => [
        { messages: messages.slice(0, i), addGenerationPrompt: true },
        { messages: messages.slice(0, i + 1), addGenerationPrompt: false },
      ]),
    ],
    origin,
  );
  const spans = answers.map((i, answer) => {
    const [before, through] = prefixes.slice(2 * answer, 2 * answer + 2) as [string, string];
    if (!text.startsWith(before) || !text.startsWith(through) || before.length > through.length) {
      const what = `the chat template of ${tokenizer.source} writes message ${i + 1} differently in the whole conversation than at its end`;
      throw errorAt("unsupported", origin, `${what}, so the answer's tokens cannot be told from the prompt's; give both the same weight`);
    }
    return { start: before.length, end: through.length };
  });
  return { text, spans };
}
