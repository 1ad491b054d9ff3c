import type { Json, TokenizerFiles } from "@secateur/kit";
import type { Tokenizer } from "@secateur/text";
import type { TokenText } from "./messages.ts";

/** What a model's tokens are as text. */
export interface TokenTexts {
  /** Decodes ids as they read behind other text: some tokenizers drop the space before what stands alone. */
  readonly inside: Pick<Tokenizer, "decode">;
  /** A token inside of a text. */
  of(id: number): TokenText;
}

/** The tokens of a tokenizer as text; without one they are called by their ids. */
export function tokenTexts(tokenizer: Tokenizer | undefined): TokenTexts {
  if (!tokenizer) return { inside: { decode: () => "" }, of: (id) => ({ text: `token_id:${id}`, bytes: null }) };
  const [before] = tokenizer.encode("a").subarray(-1);
  const start = before === undefined ? "" : tokenizer.decode([before]);
  const inside: TokenTexts["inside"] = {
    decode(ids) {
      const text = before === undefined ? "" : tokenizer.decode([before, ...ids]);
      return before !== undefined && text.startsWith(start) ? text.slice(start.length) : tokenizer.decode(ids);
    },
  };
  const pieceOf = piecesOf(tokenizer.files);
  const known = new Map<number, TokenText>();
  return {
    inside,
    of(id) {
      const found = known.get(id);
      if (found) return found;
      const text = inside.decode([id]);
      const made = { text, bytes: text.includes("\uFFFD") ? pieceOf(id) : [...Buffer.from(text)] };
      known.set(id, made);
      return made;
    },
  };
}

/** The bytes of tokens that stand for bytes, by their ids; null for others. */
function piecesOf({ tokenizer }: TokenizerFiles): (id: number) => readonly number[] | null {
  const { vocab } = (tokenizer.model ?? {}) as { readonly vocab?: Json };
  const entries = typeof vocab === "object" && vocab !== null && !Array.isArray(vocab) ? Object.entries(vocab) : [];
  const pieces = new Map(entries.map(([piece, id]) => [id, piece]));
  const alphabet = byteAlphabet();
  const byteLevel = JSON.stringify(tokenizer.decoder ?? null).includes('"ByteLevel"');
  return (id) => {
    const piece = pieces.get(id);
    const [, byte] = /^<0x([\dA-F]{2})>$/.exec(piece ?? "") ?? [];
    if (byte !== undefined) return [Number.parseInt(byte, 16)];
    return byteLevel && piece !== undefined ? bytesOf(piece, alphabet) : null;
  };
}

/** The bytes that the characters of a byte-level token stand for. */
function bytesOf(piece: string, alphabet: ReadonlyMap<string, number>): readonly number[] | null {
  const bytes = [...piece].map((character) => alphabet.get(character));
  return bytes.includes(undefined) ? null : (bytes as number[]);
}

/** Character → byte: those that print stand for themselves, others are written from U+0100 on, in order (GPT-2, encoder.py, bytes_to_unicode). */
function byteAlphabet(): Map<string, number> {
  const found = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const prints = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    found.set(String.fromCodePoint(prints ? byte : next++), byte);
  }
  return found;
}
