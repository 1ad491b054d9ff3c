import type { OpenModel } from "@secateur/kit";
import { modelTokenizer } from "@secateur/text";
import { expect, test } from "vitest";
import { demoFiles } from "./fixtures.ts";

/** An open model as far as its tokenizer goes; what reads weights is never called. */
function model(parts: Partial<OpenModel>): OpenModel {
  const unused = () => Promise.reject(new Error("weights were read"));
  return {
    source: "demo",
    format: "none",
    config: {},
    generationConfig: undefined,
    tokenizer: undefined,
    tensors: new Map(),
    files: [],
    read: unused,
    readRows: unused,
    hash: unused,
    close: () => Promise.resolve(),
    ...parts,
  };
}

test("the end token is the settings', else the first of the configs'", () => {
  const config = { eos_token_id: 5 };
  const without = demoFiles({ config: { eos_token: null } });
  expect(modelTokenizer(model({ tokenizer: demoFiles(), config })).endToken).toBe(0);
  expect(modelTokenizer(model({ tokenizer: without, config })).endToken).toBe(5);
  expect(modelTokenizer(model({ tokenizer: without, config, generationConfig: { eos_token_id: [7, 5] } })).endToken).toBe(7);
  expect(modelTokenizer(model({ tokenizer: without })).endToken).toBeUndefined();
});

test("it is loaded once for a model, and for what has its files", () => {
  const opened = model({ tokenizer: demoFiles() });
  expect(modelTokenizer({ ...opened, source: "pruned where it is read" })).toBe(modelTokenizer(opened));
  expect(modelTokenizer(model({ tokenizer: demoFiles() }))).not.toBe(modelTokenizer(opened));
});

test("a model without a tokenizer is refused", () => {
  expect(() => modelTokenizer(model({}))).toThrow(
    expect.objectContaining({ code: "format", message: "demo has no tokenizer.json: only rows of input_ids can be read without one" }),
  );
});
