import { SecateurError } from "@secateur/kit";
import { loadTokenizer, TEXT_LIMITS } from "@secateur/text";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  beginning,
  demoFiles,
  demoTokenizer,
  hasShared,
  origin,
  readJson,
  SHARED,
  SMOLLM2,
  smollm2,
  wholeTextTokenizer,
} from "./fixtures.ts";

describe("the demo model's tokenizer", () => {
  const tokenizer = demoTokenizer();

  test("has what its files say", () => {
    expect(tokenizer).toMatchObject({ source: "demo", endToken: 0, beginTokens: [], vocabularySize: 2048 });
  });

  test("any text comes back, halves of surrogate pairs as U+FFFD", () => {
    const anyText = fc.string({ unit: fc.oneof(fc.constantFrom("\ud83d", "\ude0a", " ", "\n", "end"), fc.string({ unit: "binary" })) });
    fc.assert(
      fc.property(anyText, (text) => {
        const ids = tokenizer.encode(text);
        expect(ids).toBeInstanceOf(Int32Array);
        expect(ids.every((id) => id >= 0 && id < tokenizer.vocabularySize)).toBe(true);
        expect(tokenizer.decode(ids)).toBe(new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(text)));
      }),
    );
  });

  test("a special token written in a text is read as that token, and counted", () => {
    const ids = tokenizer.encode("x<|end|>y");
    expect([...ids].filter((id) => id === 0)).toHaveLength(1);
    expect(ids).toHaveLength(3);
    expect(tokenizer.decode(ids, { skipSpecial: true })).toBe("xy");
    expect(["x<|end|>y<|end|>", "<|end|", ""].map(tokenizer.countSpecial)).toEqual([2, 0, 0]);
  });

  test("decoding leaves out ids that it does not know", () => {
    expect(tokenizer.decode([])).toBe("");
    expect(tokenizer.decode([999_999])).toBe("");
    expect(tokenizer.decode([...tokenizer.encode("x"), 2048, ...tokenizer.encode("y")])).toBe("xy");
  });

  test.each([
    [5, "a text was wanted to tokenize, found number"],
    [null, "a text was wanted to tokenize, found null"],
    [undefined, "a text was wanted to tokenize, found undefined"],
    [["a"], "a text was wanted to tokenize, found object"],
  ])("%o is no text", (value, message) => {
    expect(() => tokenizer.encode(value as unknown as string)).toThrow(expect.objectContaining({ code: "internal", message }));
  });
});

describe("end and begin tokens", () => {
  test.each([
    ["as text", { eos_token: "<|end|>" }, 0],
    ["as an object", { eos_token: { content: "<|end|>", special: true } }, 0],
    ["as null", { eos_token: null }, undefined],
    ["not in the vocabulary", { eos_token: "</s>" }, undefined],
  ])("an end token %s", (_, config, wanted) => {
    expect(demoTokenizer({ config }).endToken).toBe(wanted);
    expect(loadTokenizer(demoFiles({ config }), "demo", { fallbackEndToken: 7 }).endToken).toBe(wanted ?? 7);
  });

  test("what the post-processor puts before a text", () => {
    expect(beginning("<|end|>").beginTokens).toEqual([0]);
    expect(beginning("<|end|>", "<|end|>").beginTokens).toEqual([0, 0]);
    expect(beginning("<|end|>").encode("<|end|>")).toEqual(Int32Array.of(0));
  });
});

describe("refused", () => {
  const added = [{ id: 0, content: "<|end|>", special: true }];
  test.each([
    ["no model", { model: null }, "format", 'tokenizer.json of demo: "model" is missing'],
    ["added tokens of another form", { added_tokens: {} }, "format", 'tokenizer.json of demo: "added_tokens" is no array'],
    [
      "an added token without id",
      { added_tokens: [...added, { content: "x" }] },
      "format",
      'tokenizer.json of demo: item 2 of "added_tokens" has no id or content',
    ],
    [
      "an added token of nothing",
      { added_tokens: [null] },
      "format",
      'tokenizer.json of demo: item 1 of "added_tokens" has no id or content',
    ],
    [
      "an added token for whole words",
      { added_tokens: [...added, { id: 2048, content: "abc", single_word: true }] },
      "unsupported",
      'the tokenizer of demo cannot be used: its added token "abc" may match whole words only ("single_word"), which is not supported',
    ],
    [
      "a part of an unknown kind",
      { normalizer: { type: "Rot13" } },
      "unsupported",
      "the tokenizer of demo cannot be used: Unknown Normalizer type: Rot13",
    ],
  ])("%s", (_, tokenizer, code, message) => {
    expect(() => demoTokenizer({ tokenizer })).toThrow(expect.objectContaining({ code, message }));
  });

  test("parts that a file leaves out are absent", () => {
    const { tokenizer, config } = wholeTextTokenizer(["▁", "a"], []);
    const { model } = tokenizer;
    expect(loadTokenizer({ tokenizer: { model: model ?? null }, config }, "bare").encode("▁a")).toEqual(Int32Array.of(1, 2));
  });

  test("texts and words past the limits", () => {
    const tokenizer = demoTokenizer();
    const says = (text: string, by = tokenizer) => {
      try {
        by.encode(text, origin);
      } catch (error) {
        return error instanceof SecateurError ? [error.code, error.message, error.where] : error;
      }
      return "nothing";
    };
    const where = { file: "rows.jsonl", line: 3 };
    const most = "the most that is tokenized in one piece";
    expect(says("a ".repeat(TEXT_LIMITS.text / 2 + 1))).toEqual([
      "data",
      `rows.jsonl, line 3: the text has 16777218 characters, more than 16777216, ${most}`,
      where,
    ]);
    expect(says(`a b ${"c".repeat(TEXT_LIMITS.word + 1)}\nd`)).toEqual([
      "data",
      `rows.jsonl, line 3: a word has 2097153 characters, more than 2097152, ${most}`,
      where,
    ]);
    const whole = loadTokenizer(wholeTextTokenizer(["▁", "a", "a▁"], [["a", "▁"]]), "whole");
    expect(says("a ".repeat(TEXT_LIMITS.word / 2 + 1), whole)).toEqual([
      "data",
      `rows.jsonl, line 3: a text of a tokenizer that does not part words has 2097154 characters, more than 2097152, ${most}`,
      where,
    ]);
  });

  test("a piece that the vocabulary lacks is left out, or named where even that is not possible", () => {
    const { tokenizer, config } = wholeTextTokenizer(["▁", "a"], []);
    expect(loadTokenizer({ tokenizer, config }, "whole").encode("ab")).toEqual(Int32Array.of(1, 2));
    const words = { ...tokenizer, model: { type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##", vocab: { "▁a": 0 } } };
    expect(() =>
      loadTokenizer({ tokenizer: { ...words, added_tokens: [], post_processor: null }, config }, "words").encode("b", origin),
    ).toThrow(
      expect.objectContaining({
        code: "format",
        message: "rows.jsonl, line 3: the tokenizer of words has no token for a part of the text, and no unknown token",
      }),
    );
  });
});

describe.skipIf(!hasShared(SMOLLM2))("SmolLM2's tokenizer", () => {
  test("special tokens in plain text have their own ids", () => {
    expect([...smollm2().encode("x<|im_end|>y")]).toEqual([104, 2, 105]);
    expect(smollm2().countSpecial("x<|im_end|>y<|im_start|>")).toBe(2);
  });

  test("a row of 128,000 letters without a space is tokenized", () => {
    let state = 1;
    const codes = Uint8Array.from({ length: 128_000 }, () => {
      state = (state * 48271) % 2147483647;
      return 97 + (state % 26);
    });
    const text = new TextDecoder().decode(codes);
    const tokenizer = smollm2();
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });
});

test.skipIf(!hasShared("models/stories260K/tokenizer.json"))("a Llama tokenizer begins texts with <s>", () => {
  const tokenizer = loadTokenizer({ tokenizer: readJson(`${SHARED}/models/stories260K/tokenizer.json`), config: {} }, "stories260K");
  expect(tokenizer.beginTokens).toEqual([1]);
  expect(tokenizer.endToken).toBeUndefined();
  expect(tokenizer.decode(tokenizer.encode("Once upon a time")).trim()).toBe("Once upon a time");
});
