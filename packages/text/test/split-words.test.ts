import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import fc from "fast-check";
import { expect, test } from "vitest";
import { withWordCuts } from "../src/split-words.ts";
import { hasShared, readJson, SHARED, wholeTextTokenizer } from "./fixtures.ts";

const CUT = { type: "Split", pattern: { Regex: "▁+[^▁]*|[^▁]+" }, behavior: "Isolated", invert: false };
const MERGES = [
  ["▁", "a"],
  ["▁", "▁"],
  ["a", "b"],
  ["▁a", "b"],
  ["▁▁", "▁▁"],
  ["b", "a"],
  ["ab", "ab"],
] as const;
const VOCABULARY = ["▁", "a", "b", "▁a", "▁▁", "ab", "▁ab", "▁▁▁▁", "ba", "abab"];

test("cut at words, every text has the tokens that it has as a whole", () => {
  const { tokenizer, config } = wholeTextTokenizer(VOCABULARY, MERGES);
  const whole = new LibraryTokenizer(tokenizer, config);
  const cut = new LibraryTokenizer({ ...tokenizer, pre_tokenizer: withWordCuts(tokenizer) }, config);
  const text = fc.string({ unit: fc.constantFrom("a", "b", " ", "▁", "<s>", "\n"), maxLength: 24 });
  fc.assert(
    fc.property(text, (text) => {
      expect(cut.encode(text)).toEqual(whole.encode(text));
    }),
    { numRuns: 500 },
  );
});

test("a cut is added only where it changes nothing", () => {
  const { tokenizer } = wholeTextTokenizer(VOCABULARY, MERGES);
  const model = tokenizer.model as object;
  const metaspace = { type: "Metaspace", replacement: "▁" };
  const spaces = { type: "Split", pattern: { String: " " }, behavior: "MergedWithPrevious" };
  const bytes = { type: "ByteLevel" };
  expect(withWordCuts({ ...tokenizer, pre_tokenizer: null })).toEqual(CUT);
  expect(withWordCuts({ ...tokenizer, pre_tokenizer: metaspace })).toEqual({ type: "Sequence", pretokenizers: [metaspace, CUT] });
  expect(withWordCuts({ ...tokenizer, pre_tokenizer: spaces })).toEqual({ type: "Sequence", pretokenizers: [spaces, CUT] });
  expect(withWordCuts({ ...tokenizer, pre_tokenizer: bytes })).toEqual(bytes);
  expect(withWordCuts({ ...tokenizer, model: { ...model, merges: [...MERGES, ["a", "▁"]] } })).toBeNull();
  expect(withWordCuts({ ...tokenizer, model: { ...model, merges: ["▁ a", "a ▁"] } })).toBeNull();
  expect(withWordCuts({ ...tokenizer, model: { ...model, merges: ["▁ a", "a b"] } })).toEqual(CUT);
  expect(withWordCuts({ ...tokenizer, model: { ...model, ignore_merges: true } })).toBeNull();
  expect(withWordCuts({ ...tokenizer, model: { type: "Unigram", vocab: [] } })).toBeNull();
});

test.skipIf(!hasShared("models/stories260K/tokenizer.json"))("a real tokenizer gives the same tokens cut and whole", () => {
  const tokenizer = readJson(`${SHARED}/models/stories260K/tokenizer.json`);
  const cut = withWordCuts(tokenizer);
  expect(cut).toEqual(CUT);
  const text = "Once upon a  time, there was\n\n a   little girl <s> named \u{1f60a}Lily.   </s> The end ";
  const texts = [text, ` ${text}`, text.repeat(50), "   ", "\n \n"];
  const whole = new LibraryTokenizer(tokenizer, {});
  const parted = new LibraryTokenizer({ ...tokenizer, pre_tokenizer: cut }, {});
  for (const each of texts) expect(parted.encode(each)).toEqual(whole.encode(each));
});
