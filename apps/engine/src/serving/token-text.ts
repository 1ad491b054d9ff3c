import type { Tokenizer } from "@secateur/text";

/** The text of single tokens as it is inside of a text: some tokenizers drop the space before a token that stands alone. */
export function tokenTexts(tokenizer: Tokenizer): (id: number) => string {
  const texts = new Map<number, string>();
  const [before] = tokenizer.encode("a").subarray(-1);
  const start = before === undefined ? "" : tokenizer.decode([before]);
  return (id) => {
    const known = texts.get(id);
    if (known !== undefined) return known;
    const text = tokenizer.decode(before === undefined ? [id] : [before, id]);
    const own = text.startsWith(start) ? text.slice(start.length) : tokenizer.decode([id]);
    texts.set(id, own);
    return own;
  };
}
