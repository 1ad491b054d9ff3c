import type { LikelyTokens, TokenScores } from "@secateur/runner";
import { createTextStream, type TextStream, type Tokenizer } from "@secateur/text";
import type { AnswerToken, TokenChoice } from "./messages.ts";
import type { ServedModel } from "./models.ts";
import type { ReadPrompt } from "./read-prompts.ts";

/** A token with what the model says at its place. */
export interface SaidToken {
  readonly id: number;
  readonly logProb: number;
  readonly likely: LikelyTokens;
}

/** Makes text of tokens. */
export type Decoder = Pick<Tokenizer, "decode">;

/** The tokens of an answer and where each begins in its text. */
export interface TokenLog {
  /** Adds those of the prompt, as the beginning of the answer. */
  addPrompt(prompt: ReadPrompt, scores: TokenScores): void;
  /** Adds one that was written; `ends` for one that ends the answer. */
  add(token: SaidToken, ends: boolean): void;
  /** Takes those that begin before the answer has so many UTF-16 units, or all. */
  take(length?: number): AnswerToken[];
}

interface Placed extends AnswerToken {
  /** Where it begins, in UTF-16 units. */
  readonly at: number;
}

/** A log of tokens with `count` of the likeliest at each place; `decoder` makes text of those that are written. */
export function createTokenLog({ texts, tokenizer, engine }: ServedModel, decoder: Decoder, count: number): TokenLog {
  const placed: Placed[] = [];
  const written = createTextStream(decoder);
  let [at, offset] = [0, 0];

  function place(id: number, said: SaidToken | undefined, ends = false): void {
    placed.push({ ...texts().of(id), logProb: said?.logProb ?? null, top: said ? topOf(id, said) : null, at, offset, ends });
  }
  function read(id: number, stream: TextStream): void {
    const text = stream.push(id);
    at += text.length;
    offset += lengthOf(text);
  }
  function topOf(id: number, { likely, logProb }: SaidToken): TokenChoice[] {
    const top = [...likely.ids.subarray(0, count)].map((one, i) => ({ ...texts().of(one), logProb: likely.logProbs[i] as number }));
    return likely.ids.subarray(0, count).includes(id) ? top : [...top, { ...texts().of(id), logProb }];
  }

  return {
    addPrompt({ ids, begin, text }, { loss, top }) {
      const stream = createTextStream(engine.model.tokenizer ? tokenizer() : decoder);
      for (const [t, id] of ids.entries()) {
        const likely = top?.[t - 1];
        place(id, likely && { id, likely, logProb: -(loss[t - 1] as number) });
        if (t >= begin) read(id, stream);
      }
      [at, offset] = [text.length, lengthOf(text)];
    },
    add(token, ends) {
      place(token.id, token, ends);
      if (!ends) read(token.id, written);
    },
    take(length = Number.POSITIVE_INFINITY) {
      const found = placed.findIndex((token) => token.at >= length);
      const taken = placed.splice(0, found < 0 ? placed.length : found);
      return taken.map(({ at: _, ...token }) => token);
    },
  };
}

/** In code points. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}
