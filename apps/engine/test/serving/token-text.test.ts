import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { loadTokenizer } from "@secateur/text";
import { describe, expect, it } from "vitest";
import { tokenTexts } from "../../src/serving/token-text.ts";

const DEMO = resolve(import.meta.dirname, "../../../cli/demo");

/** In the manner of Llama 2's: `▁` for spaces, the first of which is dropped, and bytes for characters that are no token. */
function llamaTokenizer() {
  const pieces = ["<unk>", "<s>", "</s>", "<0xE6>", "<0x97>", "<0xA5>", "▁", "a", "▁a", "b", "▁b"];
  const vocab = Object.fromEntries(pieces.map((piece, id) => [piece, id]));
  const merges = ["▁ a", "▁ b"];
  const tokenizer = {
    added_tokens: [1, 2].map((id) => ({ id, content: pieces[id] as string, special: true })),
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "Prepend", prepend: "▁" },
        { type: "Replace", pattern: { String: " " }, content: "▁" },
      ],
    },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: { type: "BPE", vocab, merges, byte_fallback: true, unk_token: "<unk>" },
  };
  return loadTokenizer({ tokenizer, config: {} }, "llama");
}

describe("the text of a token", () => {
  it("keeps the space that a text loses at its beginning", () => {
    const tokenizer = llamaTokenizer();
    const ids = [...tokenizer.encode("a b")];
    const texts = tokenTexts(tokenizer);
    expect(ids).toEqual([8, 10]);
    expect(tokenizer.decode(ids)).toBe("a b");
    expect(ids.map((id) => texts.of(id))).toEqual([
      { text: " a", bytes: [32, 97] },
      { text: " b", bytes: [32, 98] },
    ]);
    expect(texts.inside.decode(ids)).toBe(" a b");
  });

  it("has bytes where it is a part of a character", () => {
    const tokenizer = llamaTokenizer();
    const ids = [...tokenizer.encode("日")].slice(-3);
    const found = ids.map((id) => tokenTexts(tokenizer).of(id));
    expect(Buffer.from(found.flatMap(({ bytes }) => bytes ?? [])).toString()).toBe("日");
    expect(found.map(({ text }) => text)).toEqual(["\uFFFD", "\uFFFD", "\uFFFD"]);
  });

  it("has the bytes of every byte, in a byte-level tokenizer", () => {
    const read = (file: string) => JSON.parse(readFileSync(join(DEMO, file), "utf8"));
    const texts = tokenTexts(loadTokenizer({ tokenizer: read("tokenizer.json"), config: read("tokenizer_config.json") }, "demo"));
    const single = Array.from({ length: 257 }, (_, id) => texts.of(id)); // after `<|end|>` one for each byte
    expect(single[0]).toEqual({ text: "<|end|>", bytes: [...Buffer.from("<|end|>")] });
    const bytes = single.slice(1).map((one) => one.bytes);
    expect(bytes.every((of) => of?.length === 1)).toBe(true);
    expect(new Set(bytes.flat()).size).toBe(256);
    for (const { text, bytes: of } of single.slice(1)) if (!text.includes("\uFFFD")) expect(Buffer.from(of ?? []).toString()).toBe(text);
  });

  it("is the token's id without a tokenizer", () => {
    expect(tokenTexts(undefined).of(7)).toEqual({ text: "token_id:7", bytes: null });
  });
});
