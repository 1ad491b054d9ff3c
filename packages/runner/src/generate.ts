import { SecateurError, throwIfCancelled } from "@secateur/kit";
import { createTextStream, type TextStream, type Tokenizer } from "@secateur/text";
import { cachedOf } from "./continue.ts";
import { type Beginning, type Decoding, type ReadOptions, startDecoding } from "./decoder.ts";
import type { Engine } from "./engine.ts";
import { type HeldWeights, holdWeights } from "./held-weights.ts";
import { planPrefixes } from "./prefixes.ts";
import { checkSequences } from "./stream.ts";

/** How answers are written. */
export interface GenerateOptions {
  /** At most so many tokens are written. */
  readonly maxTokens: number;
  /** The tokens that end an answer; they are not part of it. */
  readonly endTokens: readonly number[];
  /** Makes text of the tokens. */
  readonly tokenizer?: Pick<Tokenizer, "decode">;
  /** An answer ends before the first of these strings in its text. */
  readonly stop?: readonly string[];
  /** So many tokens of a prompt are read at a time; default 1024. Attention takes memory with the square of it. */
  readonly promptTokens?: number;
  /** What keys and values may take, 1 GiB when left out: past it fewer prompts are answered at once. */
  readonly cacheBytes?: number;
  /** Weights that stay on the backend after the call too. Left out, they stay for the call, as `holdWeights` has it. */
  readonly weights?: HeldWeights;
  readonly signal?: AbortSignal | undefined;
}

/** The same, and how the next token is chosen. */
export interface StreamOptions extends GenerateOptions {
  /**
   * Chooses what follows the tokens of a prompt and its answer so far, from the logits (vocabulary), whose memory is used again; the likeliest token when left out.
   * It is asked once for each token of an answer, in order, end tokens among them.
   */
  readonly choose?: ((logits: Float32Array, prompt: number) => number) | undefined;
}

/** Why an answer ended: at an end token or a stop string, at the limit of tokens, or at the model's last position before that limit. */
export type FinishReason = "stop" | "length" | "positions";

/** What was written after a prompt, and why it ended. */
export interface Generated {
  /** The tokens; where a stop string ended the answer, up to the one that completed it. */
  readonly ids: Int32Array;
  /** The text of the answer, before a stop string; empty without a tokenizer. */
  readonly text: string;
  readonly finishReason: FinishReason;
}

/** A token of the answer to a prompt by its number, and the text that is certain since; or the end of an answer, and the rest of its text. */
export type Written =
  | { readonly prompt: number; readonly id: number; readonly text: string }
  | { readonly prompt: number; readonly finishReason: FinishReason; readonly text: string };

// So many prompts are answered at once: by then a step's products take longer than reading the weights.
const TOGETHER = 32;
// As long as more than this share of them is open, the others wait.
const KEEP_OPEN = 3 / 4;
const PROMPT_TOKENS = 1024;
const CACHE_BYTES = 2 ** 30;

/**
 * Greedy decoding: the likeliest token, again and again, for several prompts at once. Throws SecateurError `data` for a prompt that the model cannot read, and `usage` for
 * options that make no sense.
 */
export async function generateGreedy(engine: Engine, prompts: readonly Int32Array[], options: GenerateOptions): Promise<Generated[]> {
  const answers = prompts.map(() => ({ ids: [] as number[], text: "", finishReason: "length" as FinishReason }));
  for await (const written of streamTokens(engine, prompts, options)) {
    const answer = answers[written.prompt] as (typeof answers)[number]; // one a prompt
    answer.text += written.text;
    if ("id" in written) answer.ids.push(written.id);
    else answer.finishReason = written.finishReason;
  }
  return answers.map(({ ids, ...answer }) => ({ ...answer, ids: Int32Array.from(ids) }));
}

/** The same, token by token as they are written, with the likeliest or another choice; the answers to several prompts come interleaved. Who stops reading stops the work. */
export async function* streamTokens(
  engine: Engine,
  prompts: readonly Int32Array[],
  options: StreamOptions,
): AsyncGenerator<Written, void, undefined> {
  checkOptions(options);
  checkSequences(prompts, engine.description);
  const limits = prompts.map(({ length }) => Math.min(options.maxTokens, engine.description.positions - length));
  const longest = Math.max(0, ...prompts.map(({ length }, i) => length + (limits[i] as number)));
  const room = Math.floor((options.cacheBytes ?? CACHE_BYTES) / (longest * tokenBytes(engine)));
  const together = Math.max(1, Math.min(TOGETHER, room));
  const weights = options.weights ?? holdWeights(engine);
  try {
    const { tokens, beginning } = await readCommon(engine, weights, prompts, options);
    yield* decode(startDecoding(engine, weights, 0), { prompts, limits, together, begun: tokens, beginning }, options);
  } finally {
    if (!options.weights) weights.release();
  }
}

/** An answer that is being written. */
interface Answer {
  readonly prompt: number;
  readonly limit: number;
  readonly text: TextStream | undefined;
  written: number;
  /** The last token, which has not been read yet. */
  last: number;
}

/** What is to be answered. */
interface Work {
  readonly prompts: readonly Int32Array[];
  /** How many tokens may be written after each. */
  readonly limits: readonly number[];
  /** How many are answered at once. */
  readonly together: number;
  /** So many tokens, with which all begin, have been read. */
  readonly begun: number;
  readonly beginning?: Beginning | undefined;
}

async function* decode(state: Decoding, work: Work, options: StreamOptions): AsyncGenerator<Written, void, undefined> {
  const { prompts, limits, together, begun, beginning } = work;
  const { tokenizer, stop, endTokens, maxTokens, promptTokens = PROMPT_TOKENS, choose, signal } = options;
  const full = (limit: number): FinishReason => (limit < maxTokens ? "positions" : "length");
  for (const [prompt, limit] of limits.entries()) if (limit === 0) yield { prompt, finishReason: full(limit), text: "" };
  const waiting = limits.flatMap((limit, prompt) => (limit > 0 ? [prompt] : []));
  let open: Answer[] = []; // as the sequences of `state`

  while (open.length > 0 || waiting.length > 0) {
    throwIfCancelled(signal);
    // Prompts are read some together: one at a time would read all weights for each.
    const admitted = waiting.splice(0, open.length <= together * KEEP_OPEN ? together - open.length : 0).map((prompt): Answer => {
      return { prompt, limit: limits[prompt] as number, text: tokenizer && createTextStream(tokenizer, stop), written: 0, last: 0 };
    });
    if (admitted.length > 0) state.keep([...open.keys()], admitted.length, beginning);
    const given = admitted.map(({ prompt }) => prompts[prompt] as Int32Array);
    const answers = admitted.length > 0 ? admitted : open;
    const chooseOf = choose && ((logits: Float32Array, i: number) => choose(logits, (answers[i] as Answer).prompt));
    const next =
      admitted.length > 0
        ? await readPrompts(state, open.length, given, { from: begun, piece: promptTokens, choose: chooseOf, signal })
        : await state.read(
            [...open.keys()],
            open.map(({ last }) => Int32Array.of(last)),
            { choose: chooseOf, signal },
          );
    open = admitted.length > 0 ? [...open, ...admitted] : open;

    const ended = new Set<Answer>();
    for (const [i, answer] of answers.entries()) {
      const { prompt, limit, text } = answer;
      const id = next[i] as number;
      const ends = endTokens.includes(id);
      if (!ends) {
        answer.last = id;
        answer.written++;
        yield { prompt, id, text: text?.push(id) ?? "" };
      }
      if (!ends && !text?.stopped && answer.written < limit) continue;
      ended.add(answer);
      const rest = text?.end() ?? "";
      yield { prompt, finishReason: ends || text?.stopped ? "stop" : full(limit), text: rest };
    }
    if (ended.size === 0) continue;
    state.keep([...open.keys()].filter((i) => !ended.has(open[i] as Answer)));
    open = open.filter((answer) => !ended.has(answer));
  }
}

/** Reads what all prompts begin with alike, where doing so once pays. */
async function readCommon(
  engine: Engine,
  weights: HeldWeights,
  prompts: readonly Int32Array[],
  { promptTokens = PROMPT_TOKENS, signal }: GenerateOptions,
): Promise<{ readonly tokens: number; readonly beginning?: Beginning }> {
  const { levels } = planPrefixes(prompts);
  const [first, ...others] = levels[0] ?? [];
  if (!first || others.length > 0 || levels.length === 1) return { tokens: 0 };
  const state = startDecoding(engine, weights, 1);
  const common = (prompts[first.sequence] as Int32Array).subarray(0, first.end);
  await readPrompts(state, 0, [common], { from: 0, piece: promptTokens, signal });
  return { tokens: first.end, beginning: state.beginning() };
}

/** Reads prompts, each from a token on, into the sequences from a number on, in pieces where they are long, and gives the token to follow each. */
async function readPrompts(
  state: Decoding,
  index: number,
  prompts: readonly Int32Array[],
  { from, piece, choose, signal }: ReadOptions & { readonly from: number; readonly piece: number },
): Promise<Int32Array> {
  const next = new Int32Array(prompts.length);
  const longest = Math.max(...prompts.map(({ length }) => length));
  for (let at = from; at < longest; at += piece) {
    const left = [...prompts.keys()].filter((i) => (prompts[i] as Int32Array).length > at);
    const pieces = left.map((i) => (prompts[i] as Int32Array).subarray(at, at + piece));
    const ends = (i: number): boolean => (prompts[i] as Int32Array).length <= at + piece;
    // Behind a piece that ends no prompt nothing is to be chosen.
    const chooseOf = choose && ((logits: Float32Array, k: number) => (ends(left[k] as number) ? choose(logits, left[k] as number) : 0));
    const found = await state.read(
      left.map((i) => index + i),
      pieces,
      { choose: chooseOf, signal },
    );
    for (const [k, i] of left.entries()) next[i] = found[k] as number;
  }
  return next;
}

/** What the keys and values of one token take in all blocks. */
function tokenBytes({ description }: Engine): number {
  return description.blocks.reduce((sum, block) => {
    const { kvHeads, headDim } = cachedOf(block);
    return sum + 2 * 4 * kvHeads * headDim;
  }, 0);
}

function checkOptions({ maxTokens, promptTokens = PROMPT_TOKENS, stop, tokenizer }: GenerateOptions): void {
  const fail = (what: string): never => {
    throw new SecateurError("usage", what);
  };
  if (!Number.isSafeInteger(maxTokens) || maxTokens < 0) fail(`maxTokens is ${maxTokens}, a whole number from 0 on is wanted`);
  if (!Number.isSafeInteger(promptTokens) || promptTokens < 1) fail(`promptTokens is ${promptTokens}, a whole number from 1 on is wanted`);
  if (stop && stop.length > 0 && !tokenizer) fail("stop strings are looked for in text: a tokenizer is wanted with them");
  if (tokenizer) createTextStream(tokenizer, stop); // refuses an empty stop string
}
