import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { encodeSafetensors, safetensors } from "@secateur/format-safetensors";
import { type Backend, type Document, type Json, SecateurError } from "@secateur/kit";
import { type Config, describeModel, llama } from "@secateur/models";
import { createEngine, type Engine } from "@secateur/runner";
import { f32, seededRandom, sizeOf } from "@secateur/tensor";
import { loadTokenizer, type Tokenizer } from "@secateur/text";
import { afterAll } from "vitest";

const made: string[] = [];
const open: { close(): Promise<void> }[] = [];

afterAll(async () => {
  for (const model of open.splice(0)) await model.close();
  for (const path of made.splice(0)) await rm(path, { recursive: true, force: true });
});

/** A folder that is not part of the repository, with real models and data. */
export const SHARED: string = resolve(import.meta.dirname, "../../..", process.env.SECATEUR_SHARED ?? "../shared");

/** Whether it has a file; where not, says so, since tests are skipped then. */
export function hasShared(path: string): boolean {
  if (existsSync(join(SHARED, path))) return true;
  console.warn(`skipped what needs ${path}, which is not in the shared folder (SECATEUR_SHARED)`);
  return false;
}

/** A new folder that goes when the file's tests have ended. */
export async function newFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "secateur-evaluate-"));
  made.push(path);
  return path;
}

/** Opens a model in a folder. */
export async function openEngine(backend: Backend, folder: string): Promise<Engine> {
  const model = await safetensors.open(folder);
  open.push(model);
  return createEngine(model, describeModel(model), backend);
}

/** A small random Llama of the demo tokenizer's vocabulary; `generation` is its generation_config.json. */
export async function tinyEngine(backend: Backend, changes: Config = {}, generation?: Config): Promise<Engine> {
  const config: Config = {
    model_type: "llama",
    hidden_size: 16,
    intermediate_size: 24,
    num_attention_heads: 2,
    num_hidden_layers: 1,
    vocab_size: 2048,
    max_position_embeddings: 128,
    tie_word_embeddings: true,
    ...changes,
  };
  const random = seededRandom(5);
  const tensors = [...llama.describe(config).tensors].map(([name, shape]) => {
    const norm = name.endsWith("norm.weight");
    return [
      name,
      f32(
        shape,
        new Float32Array(sizeOf(shape)).map(() => (norm ? 1 : 0) + (random.next() - 0.5) * (norm ? 0.2 : 1)),
      ),
    ] as const;
  });
  const folder = await newFolder();
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  if (generation) await writeFile(join(folder, "generation_config.json"), JSON.stringify(generation));
  await writeFile(join(folder, "model.safetensors"), encodeSafetensors(new Map(tensors), { format: "pt" }));
  return openEngine(backend, folder);
}

/** The tokenizer of the demo model: byte-level BPE of 2,048 tokens, `<|end|>` is 0 and ends texts; nothing is put before them unless `begin` says so, and it has the chat template `chat`. */
export function demoTokenizer({ begin = false, end = true, chat = "" } = {}): Tokenizer {
  const read = (name: string): { [key: string]: Json } =>
    JSON.parse(readFileSync(join(import.meta.dirname, "fixtures/demo", name), "utf8"));
  const tokenizer = read("tokenizer.json");
  if (begin) {
    const token = { id: "<|end|>", type_id: 0 };
    tokenizer.post_processor = {
      type: "TemplateProcessing",
      single: [{ SpecialToken: token }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [],
      special_tokens: { "<|end|>": { id: "<|end|>", ids: [0], tokens: ["<|end|>"] } },
    };
  }
  const config = end ? read("tokenizer_config.json") : {};
  return loadTokenizer({ tokenizer, config: chat === "" ? config : { ...config, chat_template: chat } }, "demo");
}

type Content<D> = D extends Document ? Omit<D, "origin"> : never;

/** Documents as a loader gives them, from `rows.jsonl`. */
export async function* documents(rows: Iterable<Content<Document>>): AsyncGenerator<Document> {
  let line = 0;
  for (const row of rows) yield { ...row, origin: { source: "rows.jsonl", line: ++line } } as Document; // the union's members stay what they are
}

/** The code and the message of what is thrown. */
export async function failureOf(work: () => unknown): Promise<[code: string, message: string]> {
  try {
    await work();
  } catch (error) {
    if (error instanceof SecateurError) return [error.code, error.message];
    throw error;
  }
  throw new Error("nothing was thrown");
}
