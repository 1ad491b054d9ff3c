import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { errorAt, type Json, type Origin, SecateurError, type TokenizerFiles } from "@secateur/kit";
import { withWordCuts } from "./split-words.ts";

/** How ids become text again. */
export interface DecodeOptions {
  /** Leaves special tokens out. */
  readonly skipSpecial?: boolean;
}

/**
 * A model's tokenizer. Added and special tokens that are written out in a text are read as those tokens, as the common libraries do;
 * `countSpecial` tells how often, so that a caller can warn.
 */
export interface Tokenizer {
  /** The model as the user named it. */
  readonly source: string;
  readonly files: TokenizerFiles;
  /** What ends a text: the `eos_token` of the settings. */
  readonly endToken: number | undefined;
  /** What the tokenizer itself puts before a text, such as Llama 2's `<s>`; often nothing. */
  readonly beginTokens: readonly number[];
  /** The highest id and one. */
  readonly vocabularySize: number;
  /**
   * The ids of a text, with nothing put before or after. Throws SecateurError `internal` for what is no text, `data` for a text past
   * `TEXT_LIMITS`, `format` when the vocabulary lacks a piece of it; `origin` is for their messages.
   */
  encode(text: string, origin?: Origin): Int32Array;
  /** The text of ids; ids that the vocabulary lacks give nothing. */
  decode(ids: Iterable<number>, options?: DecodeOptions): string;
  /** How many special tokens are written out in a text. */
  countSpecial(text: string): number;
}

/** What a caller knows beyond the tokenizer's files. */
export interface TokenizerOptions {
  /** The end token to take when the settings name none, as from the model's config. */
  readonly fallbackEndToken?: number;
}

/**
 * The longest texts that are tokenized, in UTF-16 units. A merging encoder holds some 300 bytes for each character of a word it works on, so that
 * a word of 2 Mi (or a text, for a tokenizer that does not part it into words) takes 0.7 GiB and some ten seconds.
 */
export const TEXT_LIMITS: { readonly text: number; readonly word: number } = { text: 16 * 2 ** 20, word: 2 * 2 ** 20 };

/**
 * Makes a tokenizer of a model's files; `source` is for messages. Throws SecateurError `format` for files that are not a tokenizer's, `unsupported`
 * for added tokens that match whole words only (`single_word`) and for parts of a kind that is not known.
 */
export function loadTokenizer(files: TokenizerFiles, source: string, options: TokenizerOptions = {}): Tokenizer {
  const added = addedTokens(files, source);
  const preTokenizer = withWordCuts(files.tokenizer);
  const library = openLibrary(files, preTokenizer, source);
  const special = specialPattern(added);
  const specials = new Set(added.filter((token) => token.special).map((token) => token.content));
  const encodePlain = (text: string): number[] => library.encode(text, { add_special_tokens: false }).ids;
  return {
    source,
    files,
    endToken: tokenId(library, files.config.eos_token) ?? options.fallbackEndToken,
    beginTokens: findBegin(library, encodePlain, source),
    vocabularySize: maximum(library.get_vocab().values()) + 1,
    encode(text, origin) {
      checkText(text, preTokenizer !== null, origin);
      const ids = encodePlain(text.replace(/\p{Surrogate}/gu, "\uFFFD")) as (number | undefined)[];
      const hole = ids.indexOf(undefined);
      if (hole < 0) return Int32Array.from(ids as number[]);
      throw errorAt("format", origin, `the tokenizer of ${source} has no token for a part of the text, and no unknown token`);
    },
    decode(ids, { skipSpecial = false } = {}) {
      const known = [...ids].filter((id) => library.id_to_token(id) !== undefined);
      if (known.length === 0) return "";
      const cleanUp = files.config.clean_up_tokenization_spaces === true;
      return library.decode(known, { skip_special_tokens: skipSpecial, clean_up_tokenization_spaces: cleanUp });
    },
    countSpecial(text) {
      if (special === undefined) return 0;
      let count = 0;
      for (const [content] of text.matchAll(special)) if (specials.has(content)) count++;
      return count;
    },
  };
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

function addedTokens({ tokenizer }: TokenizerFiles, source: string): readonly AddedToken[] {
  const { model, added_tokens: added = [] } = tokenizer;
  if (typeof model !== "object" || model === null) throw new SecateurError("format", `tokenizer.json of ${source}: "model" is missing`);
  if (!Array.isArray(added)) throw new SecateurError("format", `tokenizer.json of ${source}: "added_tokens" is no array`);
  return added.map((entry: Json, i) => {
    const { id, content, special, single_word: singleWord } = (entry ?? {}) as { readonly [key: string]: Json };
    if (!Number.isSafeInteger(id) || (id as number) < 0 || typeof content !== "string" || content === "") {
      throw new SecateurError("format", `tokenizer.json of ${source}: item ${i + 1} of "added_tokens" has no id or content`);
    }
    if (singleWord === true) {
      const what = `its added token ${JSON.stringify(content)} may match whole words only ("single_word")`;
      throw new SecateurError("unsupported", `the tokenizer of ${source} cannot be used: ${what}, which is not supported`);
    }
    return { id: id as number, content, special: special === true };
  });
}

function openLibrary(files: TokenizerFiles, preTokenizer: Json, source: string): LibraryTokenizer {
  const absent = { normalizer: null, post_processor: null, decoder: null, added_tokens: [] };
  try {
    return new LibraryTokenizer({ ...absent, ...files.tokenizer, pre_tokenizer: preTokenizer }, files.config);
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new SecateurError("unsupported", `the tokenizer of ${source} cannot be used: ${what}`, { cause });
  }
}

/** The id of a token that the settings give as text or as `{ content }`. */
function tokenId(library: LibraryTokenizer, setting: Json | undefined): number | undefined {
  const content = typeof setting === "object" && setting !== null ? (setting as { readonly content?: Json }).content : setting;
  return typeof content === "string" ? library.token_to_id(content) : undefined;
}

function findBegin(library: LibraryTokenizer, encodePlain: (text: string) => number[], source: string): readonly number[] {
  const plain = encodePlain("a");
  const whole = library.encode("a", { add_special_tokens: true }).ids;
  for (let start = 0; start + plain.length <= whole.length; start++) {
    if (plain.every((id, i) => whole[start + i] === id)) return whole.slice(0, start);
  }
  throw new SecateurError(
    "unsupported",
    `the tokenizer of ${source} cannot be used: what it puts around a text changes the text's own tokens`,
  );
}

/** Matches any added token where the library does: at each place the longest. */
function specialPattern(added: readonly AddedToken[]): RegExp | undefined {
  if (!added.some((token) => token.special)) return undefined;
  const contents = added.map((token) => token.content).sort((a, b) => b.length - a.length);
  return new RegExp(contents.map((content) => content.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&")).join("|"), "g");
}

function checkText(text: unknown, partsWords: boolean, origin: Origin | undefined): asserts text is string {
  if (typeof text !== "string")
    throw errorAt("internal", origin, `a text was wanted to tokenize, found ${text === null ? "null" : typeof text}`);
  if (text.length > TEXT_LIMITS.text) {
    throw errorAt(
      "data",
      origin,
      `the text has ${text.length} characters, more than ${TEXT_LIMITS.text}, the most that is tokenized in one piece`,
    );
  }
  if (text.length <= TEXT_LIMITS.word) return;
  const longest = partsWords ? longestWord(text) : text.length;
  if (longest > TEXT_LIMITS.word) {
    const word = partsWords ? "a word" : "a text of a tokenizer that does not part words";
    throw errorAt(
      "data",
      origin,
      `${word} has ${longest} characters, more than ${TEXT_LIMITS.word}, the most that is tokenized in one piece`,
    );
  }
}

function longestWord(text: string): number {
  let longest = 0;
  let start = 0;
  for (const { index } of text.matchAll(/\s/g)) {
    longest = Math.max(longest, index - start);
    start = index + 1;
  }
  return Math.max(longest, text.length - start);
}

function maximum(values: Iterable<number>): number {
  let highest = -1;
  for (const value of values) if (value > highest) highest = value;
  return highest;
}
