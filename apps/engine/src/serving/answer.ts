import {
  likeliestTokens,
  logSumExp,
  type StreamOptions,
  scoreSequences,
  streamTokens,
  type TokenScores,
  type Written,
} from "@secateur/runner";
import { seededRandom } from "@secateur/tensor";
import { createTextStream } from "@secateur/text";
import type { AnswerPiece, AnswerRequest } from "./messages.ts";
import type { ServedModel } from "./models.ts";
import { type ReadPrompts, readPrompts } from "./read-prompts.ts";
import { sampleToken } from "./sampling.ts";
import { createTokenLog, type Decoder, type SaidToken } from "./token-log.ts";

/** What comes of a request: first how many tokens its prompts have, then pieces of answers, of which the last of each says why it ends. */
export type Told = { readonly type: "read"; readonly promptTokens: number } | { readonly type: "piece"; readonly piece: AnswerPiece };

/** Answers a request. Who stops reading stops the work. Throws TooLong, and SecateurError for what cannot be answered. */
export async function* answer(model: ServedModel, request: AnswerRequest, signal: AbortSignal): AsyncGenerator<Told, void, undefined> {
  const read = readPrompts(model, request);
  yield { type: "read", promptTokens: read.prompts.reduce((sum, { ids }) => sum + ids.length, 0) };
  for await (const piece of piecesOf(model, request, read, signal)) yield { type: "piece", piece };
}

async function* piecesOf(
  model: ServedModel,
  request: AnswerRequest,
  { prompts, maxTokens }: ReadPrompts,
  signal: AbortSignal,
): AsyncGenerator<AnswerPiece, void, undefined> {
  const { top, echo } = request;
  const sequences = prompts.map(({ ids }) => ids);
  // A conversation's answer is a text of its own, a completion goes on with one.
  const decoder = request.prompt.kind === "chat" ? model.tokenizer() : model.texts().inside;
  const logs = prompts.map(() => (top === undefined ? undefined : createTokenLog(model, decoder, top)));
  const options = { top: Math.max(1, top ?? 0), weights: model.weights, signal };
  const scores = echo && top !== undefined ? await scoreSequences(model.engine, sequences, options) : undefined;
  const lengths = prompts.map(({ text }) => (echo ? text.length : 0)); // of what has been given, in UTF-16 units
  for (const [prompt, given] of prompts.entries()) {
    if (scores) logs[prompt]?.addPrompt(given, scores[prompt] as TokenScores); // one each
    if (echo) yield { prompt, text: given.text, tokens: logs[prompt]?.take() ?? [], written: 0 };
    if (maxTokens === 0) yield { prompt, text: "", tokens: [], written: 0, finishReason: "length" };
  }
  if (maxTokens === 0) return;

  const writing = createWriting(model, request, decoder, prompts.length);
  const written =
    scores && maxTokens === 1 && request.temperature === 0
      ? nextTokens(scores, writing)
      : streamTokens(model.engine, sequences, { ...writing.options, maxTokens, weights: model.weights, signal });
  for await (const one of written) {
    const { prompt, text } = one;
    const log = logs[prompt];
    const said = writing.said[prompt];
    writing.said[prompt] = undefined;
    const endsHere = "finishReason" in one && said !== undefined;
    if (said) log?.add(said, endsHere);
    const length = (lengths[prompt] as number) + text.length;
    lengths[prompt] = length;
    // What begins in a stop string, or behind one, is not told.
    const whole = "finishReason" in one && (endsHere || one.finishReason !== "stop");
    const tokens = log?.take(whole ? undefined : length) ?? [];
    const finishReason = "finishReason" in one ? (one.finishReason === "stop" ? "stop" : "length") : undefined;
    yield { prompt, text, tokens, written: said ? 1 : 0, ...(finishReason && { finishReason }) };
  }
}

/** How tokens are chosen, and what the model said where each was. */
interface Writing {
  readonly options: Omit<StreamOptions, "maxTokens"> & { readonly tokenizer: Decoder };
  /** Of the last token of each prompt's answer, until it is looked at. */
  readonly said: (SaidToken | undefined)[];
}

function createWriting(model: ServedModel, request: AnswerRequest, decoder: Decoder, count: number): Writing {
  const { top, stop, seed } = request;
  const randoms = Array.from({ length: count }, (_, prompt) => seededRandom(seed + prompt));
  const said: Writing["said"] = [];
  return {
    said,
    options: {
      endTokens: model.endTokens,
      tokenizer: decoder,
      stop,
      choose(logits, prompt) {
        const id = sampleToken(logits, request, randoms[prompt] as (typeof randoms)[number]); // one a prompt
        const sum = top === undefined ? 0 : logSumExp(logits);
        said[prompt] = { id, logProb: Math.fround((logits[id] as number) - sum), likely: likeliestTokens(logits, top ?? 0, sum) };
        return id;
      },
    },
  };
}

/** Answers of one token, the likeliest after each prompt, from scores that know it. */
function* nextTokens(scores: readonly TokenScores[], { said, options }: Writing): Generator<Written, void, undefined> {
  for (const [prompt, { top }] of scores.entries()) {
    const likely = (top as NonNullable<typeof top>).at(-1) as SaidToken["likely"]; // asked for, of each token
    const [id, logProb] = [likely.ids[0] as number, likely.logProbs[0] as number];
    said[prompt] = { id, logProb, likely };
    if (options.endTokens.includes(id)) {
      yield { prompt, finishReason: "stop", text: "" };
      continue;
    }
    const text = createTextStream(options.tokenizer, options.stop);
    yield { prompt, id, text: text.push(id) };
    yield { prompt, finishReason: text.stopped ? "stop" : "length", text: text.end() };
  }
}
