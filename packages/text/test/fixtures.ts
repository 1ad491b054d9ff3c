import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Document, Json, TokenizerFiles } from "@secateur/kit";
import { loadTokenizer, type Tokenizer } from "@secateur/text";

type JsonObject = { readonly [key: string]: Json };

/** A folder that is not part of the repository, with real models and data. */
export const SHARED: string = resolve(import.meta.dirname, "../../..", process.env.SECATEUR_SHARED ?? "../shared");

/** Whether it has a file; where not, says so, since tests are skipped then. */
export function hasShared(path: string): boolean {
  if (existsSync(join(SHARED, path))) return true;
  console.warn(`skipped what needs ${path}, which is not in the shared folder (SECATEUR_SHARED)`);
  return false;
}

export function readJson(path: string): JsonObject {
  return JSON.parse(readFileSync(path, "utf8"));
}

/** The tokenizer of the demo model: byte-level BPE of 2,048 tokens, `<|end|>` is 0 and ends texts, nothing is put before them. */
export function demoFiles(changes: { tokenizer?: JsonObject; config?: JsonObject; chatTemplate?: string } = {}): TokenizerFiles {
  const folder = join(import.meta.dirname, "fixtures/demo");
  const { chatTemplate } = changes;
  return {
    tokenizer: { ...readJson(join(folder, "tokenizer.json")), ...changes.tokenizer },
    config: { ...readJson(join(folder, "tokenizer_config.json")), ...changes.config },
    ...(chatTemplate === undefined ? {} : { chatTemplate }),
  };
}

export function demoTokenizer(changes: Parameters<typeof demoFiles>[0] = {}): Tokenizer {
  return loadTokenizer(demoFiles(changes), "demo");
}

/** As the demo model's, but it puts these tokens before a text. */
export function beginning(...tokens: readonly string[]): Tokenizer {
  return demoTokenizer({ tokenizer: { post_processor: beginProcessor(tokens) } });
}

function beginProcessor(tokens: readonly string[]): Json {
  const items = tokens.map((id) => ({ SpecialToken: { id, type_id: 0 } }));
  return {
    type: "TemplateProcessing",
    single: [...items, { Sequence: { id: "A", type_id: 0 } }],
    pair: [],
    special_tokens: Object.fromEntries(tokens.map((id) => [id, { id, ids: [0], tokens: [id] }])),
  };
}

/** A tokenizer in the manner of Llama 2's: `▁` for spaces, put before a text too, merged over the text as a whole. */
export function wholeTextTokenizer(vocabulary: readonly string[], merges: readonly (readonly [string, string])[]): TokenizerFiles {
  return {
    tokenizer: {
      added_tokens: [{ id: 0, content: "<s>", special: true }],
      normalizer: {
        type: "Sequence",
        normalizers: [
          { type: "Prepend", prepend: "▁" },
          { type: "Replace", pattern: { String: " " }, content: "▁" },
        ],
      },
      pre_tokenizer: null,
      post_processor: beginProcessor(["<s>"]),
      decoder: { type: "Sequence", decoders: [{ type: "Replace", pattern: { String: "▁" }, content: " " }, { type: "Fuse" }] },
      model: { type: "BPE", unk_token: null, vocab: Object.fromEntries(["<s>", ...vocabulary].map((token, id) => [token, id])), merges },
    },
    config: {},
  };
}

export const origin = { source: "rows.jsonl", line: 3 };

/** Documents of texts, a line each. */
export function textDocuments(texts: readonly string[]): Document[] {
  return texts.map((text, i) => ({ kind: "text", text, origin: { source: "rows.jsonl", line: i + 1 } }));
}

/** Reads the rows of a JSON Lines file of the shared folder. */
export function sharedRows(path: string): JsonObject[] {
  return readFileSync(join(SHARED, path), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

/** The tokenizer of SmolLM2-135M-Instruct, from the shared folder. */
export const SMOLLM2 = "models/smollm2-135m-instruct";
export function smollm2(): Tokenizer {
  const folder = join(SHARED, SMOLLM2);
  return loadTokenizer(
    {
      tokenizer: readJson(join(folder, "tokenizer.json")),
      config: readJson(join(folder, "tokenizer_config.json")),
      chatTemplate: readFileSync(join(folder, "chat_template.jinja"), "utf8"),
    },
    "smollm2",
  );
}

/** A template in the manner of ChatML, with the demo model's end token after each turn. */
export const TURNS =
  "{% for message in messages %}{{ '[' + message.role + ']\\n' + message.content + '<|end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '[assistant]\\n' }}{% endif %}";
