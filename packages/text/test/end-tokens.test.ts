import type { Json } from "@secateur/kit";
import { endTokens } from "@secateur/text";
import { expect, test } from "vitest";
import { demoTokenizer } from "./fixtures.ts";

test.each([
  [2, [2, 0], [2, 0]],
  [[2, 5], undefined, [2, 5, 0]],
  [2, null, [2, 0]],
  [undefined, undefined, [0]],
  [null, 7, [7, 0]],
  [0, undefined, [0]],
] as [Json | undefined, Json | undefined, number[]][])("config %o, generation config %o → %o", (config, generation, wanted) => {
  const generationConfig = generation === undefined ? {} : { eos_token_id: generation };
  expect(endTokens(config === undefined ? {} : { eos_token_id: config }, generationConfig, demoTokenizer())).toEqual(wanted);
});

test("without a tokenizer and without a generation config", () => {
  expect(endTokens({ eos_token_id: [3] }, undefined, undefined)).toEqual([3]);
});

test.each([
  [{ eos_token_id: [2, null] }, undefined, 'config.json: null in "eos_token_id", token ids (whole numbers from 0 on) were wanted'],
  [{ eos_token_id: "2" }, undefined, 'config.json: "2" in "eos_token_id", token ids (whole numbers from 0 on) were wanted'],
  [{}, { eos_token_id: -1 }, 'generation_config.json: -1 in "eos_token_id", token ids (whole numbers from 0 on) were wanted'],
  [{}, { eos_token_id: [[2]] }, 'generation_config.json: [2] in "eos_token_id", token ids (whole numbers from 0 on) were wanted'],
])("%o and %o are refused", (config, generation, message) => {
  expect(() => endTokens(config, generation, undefined)).toThrow(expect.objectContaining({ code: "format", message }));
});
