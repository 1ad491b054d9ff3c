import { type Document, errorAt, type Origin } from "@secateur/kit";
import { renderChat, type Span } from "./chat.ts";
import type { ChatTemplate } from "./chat-template.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** One document, or a window of several, as token ids. */
export interface Sequence {
  readonly ids: Int32Array; // (tokens)
  /** What each token counts: 1, or the prompt weight. */
  readonly weights: Float32Array; // (tokens)
  /** For a prompt with an answer, the number of tokens before the answer. */
  readonly answerStart?: number;
  readonly origin: Origin;
}

/** How documents become sequences. */
export interface EncodeOptions {
  /** The weight of a prompt's tokens, and of all but the assistant's turns in a conversation. Default 1. */
  readonly promptWeight?: number;
  /** The chat template, where the caller keeps it for many documents. */
  readonly template?: ChatTemplate;
}

/**
 * A document as one sequence. Text, and a prompt with its answer (of choices the right one), stand between the tokenizer's begin tokens and the
 * end token, where it has them; a conversation is what the chat template writes, and ids stay as they are, which needs no tokenizer. Throws
 * SecateurError `input` without a tokenizer, `data` for an id past 2³¹ − 1, and what the tokenizer and `renderChat` throw.
 */
export function encodeDocument(tokenizer: Tokenizer | undefined, document: Document, options: EncodeOptions = {}): Sequence {
  const { origin } = document;
  const promptWeight = options.promptWeight ?? 1;
  if (document.kind === "ids") return idSequence(document.ids, origin);
  if (tokenizer === undefined) throw errorAt("input", origin, `${document.kind} needs a tokenizer, and the model has no tokenizer.json`);
  switch (document.kind) {
    case "text":
      return framed(tokenizer, tokenizer.encode(document.text, origin), undefined, 1, origin);
    case "answer":
    case "choices": {
      const right = document.kind === "answer" ? document.answer : (document.choices[document.answer] as string);
      const { ids, start } = encodePair(tokenizer, document.prompt, right, origin);
      return framed(tokenizer, ids, start, promptWeight, origin);
    }
    case "messages": {
      const { template } = options;
      const { text, spans } = renderChat(tokenizer, document.messages, origin, {
        findAnswers: promptWeight !== 1,
        ...(template === undefined ? {} : { template }),
      });
      const ids = tokenizer.encode(text, origin);
      if (promptWeight === 1) return { ids, weights: new Float32Array(ids.length).fill(1), origin };
      return { ids, weights: spanWeights(tokenizer, text, ids, spans, promptWeight), origin };
    }
  }
}

/**
 * A context and what continues it, as ids without begin or end tokens; `start` is where the continuation begins. The boundary is
 * lm-evaluation-harness's: white space at the context's end goes to the continuation, both are tokenized together, and the context has as many
 * tokens as it has alone.
 */
export function encodePair(
  tokenizer: Tokenizer,
  context: string,
  continuation: string,
  origin?: Origin,
): { readonly ids: Int32Array; readonly start: number } {
  const ids = tokenizer.encode(context + continuation, origin);
  const start = tokenizer.encode(context.slice(0, lengthWithoutTrailingSpace(context)), origin).length;
  return { ids, start: Math.min(start, ids.length) };
}

function idSequence(ids: readonly number[], origin: Origin): Sequence {
  const wrong = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id <= 0x7fffffff));
  if (wrong !== undefined)
    throw errorAt("data", origin, `${wrong} was found among the ids, whole numbers from 0 to ${0x7fffffff} were wanted`);
  return { ids: Int32Array.from(ids), weights: new Float32Array(ids.length).fill(1), origin };
}

/** Ids between begin tokens and end token; those before `answerStart` and the begin tokens before them weigh `promptWeight`. */
function framed(tokenizer: Tokenizer, ids: Int32Array, answerStart: number | undefined, promptWeight: number, origin: Origin): Sequence {
  const { beginTokens, endToken } = tokenizer;
  const all = Int32Array.from([...beginTokens, ...ids, ...(endToken === undefined ? [] : [endToken])]);
  const weights = new Float32Array(all.length).fill(1);
  if (answerStart === undefined) return { ids: all, weights, origin };
  const start = beginTokens.length + answerStart;
  return { ids: all, weights: weights.fill(promptWeight, 0, start), answerStart: start, origin };
}

function spanWeights(tokenizer: Tokenizer, text: string, ids: Int32Array, spans: readonly Span[], promptWeight: number): Float32Array {
  const weights = new Float32Array(ids.length).fill(promptWeight);
  const counts = tokensBefore(
    tokenizer,
    text,
    ids,
    spans.flatMap(({ start, end }) => [start, end]),
  );
  for (let i = 0; i < counts.length; i += 2) weights.fill(1, counts[i], counts[i + 1]);
  return weights;
}

/** How many of a text's tokens lie before each of some places in rising order: as many as the text up to there has alone. */
function tokensBefore(tokenizer: Tokenizer, text: string, ids: Int32Array, places: readonly number[]): number[] {
  // Mostly the places are control tokens, the parts between them give together the tokens of the whole, and counting those is enough; else each
  // place takes tokenizing all that is before it.
  const parts = [...places, text.length].map((end, i) => tokenizer.encode(text.slice(places[i - 1] ?? 0, end)));
  const counts: number[] = [];
  let total = 0;
  let together = true;
  for (const part of parts) {
    for (let i = 0; together && i < part.length; i++) together = ids[total + i] === part[i];
    total += part.length;
    counts.push(total);
  }
  if (together && total === ids.length) return counts.slice(0, -1);
  return places.map((place) => Math.min(tokenizer.encode(text.slice(0, place)).length, ids.length));
}

/** As Python's `rstrip` counts white space, which differs from JavaScript's in U+001C to U+001F, U+0085 and U+FEFF. */
function lengthWithoutTrailingSpace(text: string): number {
  let length = text.length;
  while (length > 0 && WHITE_SPACE.includes(text[length - 1] as string)) length--;
  return length;
}

const WHITE_SPACE =
  "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000";
