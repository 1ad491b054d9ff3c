import type { Message } from "@secateur/kit";
import type { ErrorReport } from "../errors.ts";

/** What answers go on from: texts, token ids, or a conversation by the model's chat template. */
export type Prompt =
  | { readonly kind: "texts"; readonly texts: readonly string[] }
  | { readonly kind: "ids"; readonly ids: readonly (readonly number[])[] }
  | { readonly kind: "chat"; readonly messages: readonly Message[] };

/** How the next token is drawn. */
export interface Sampling {
  /** Logits are divided by it; at 0 the likeliest token is taken. */
  readonly temperature: number;
  /** Of the likeliest tokens so many count as have this share of the probability together. */
  readonly topP: number;
  /** Equal requests with equal seeds have equal answers. */
  readonly seed: number;
}

/** What a model is asked: an answer to each prompt. */
export interface AnswerRequest extends Sampling {
  /** The folder of the model. */
  readonly model: string;
  readonly prompt: Prompt;
  /** Whether an answer begins with its prompt. */
  readonly echo: boolean;
  /** At most so many tokens are written after each prompt, and there has to be room for them behind it. */
  readonly maxTokens: number | undefined;
  /** So many where `maxTokens` is undefined, or as many as there is room for. */
  readonly defaultTokens: number;
  /** The log-probability of each token is wanted, and so many of the likeliest. */
  readonly top: number | undefined;
  readonly stop: readonly string[];
}

/** A token by itself. */
export interface TokenText {
  /** Bytes that are a part of a character only are U+FFFD. */
  readonly text: string;
  /** In UTF-8; null where they are not known. */
  readonly bytes: readonly number[] | null;
}

/** A token with its log-probability. */
export interface TokenChoice extends TokenText {
  readonly logProb: number;
}

/** A token of an answer. */
export interface AnswerToken extends TokenText {
  /** Null for the first of a sequence, which nothing predicts. */
  readonly logProb: number | null;
  /** The likeliest at its place, with itself where it is none of them; null where `logProb` is. */
  readonly top: readonly TokenChoice[] | null;
  /** Where its text begins in the answer's, in code points. */
  readonly offset: number;
  /** Whether it ended the answer: it is no part of the text then. */
  readonly ends: boolean;
}

/** A piece of the answer to a prompt by its number. */
export interface AnswerPiece {
  readonly prompt: number;
  readonly text: string;
  /** Those that begin in the text so far; empty where no log-probabilities are wanted. */
  readonly tokens: readonly AnswerToken[];
  /** How many tokens have been written for it. */
  readonly written: number;
  /** Given with the last piece: whether a token or a stop string ended the answer, or the limit of tokens. */
  readonly finishReason?: "stop" | "length";
}

/** From the server to the process that answers. */
export type ToAnswering =
  | { readonly type: "ask"; readonly id: number; readonly request: AnswerRequest }
  | { readonly type: "cancel"; readonly id: number };

/** From the process that answers: a request's turn has come; its prompts are read, so many tokens; pieces; and one of the last three, after which nothing follows. */
export type FromAnswering = { readonly id: number } & (
  | { readonly type: "begun" }
  | { readonly type: "read"; readonly promptTokens: number }
  | { readonly type: "piece"; readonly piece: AnswerPiece }
  | { readonly type: "done" }
  | { readonly type: "too-long"; readonly message: string }
  | { readonly type: "failed"; readonly error: ErrorReport }
);
