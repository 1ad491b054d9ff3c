import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createReferenceBackend } from "@secateur/backend-reference";
import { decodeSafetensors, encodeSafetensors } from "@secateur/format-safetensors";
import { type Backend, SecateurError } from "@secateur/kit";
import { bytesOf, type DType, fromFloat32, seededRandom, sizeOf, type Tensor } from "@secateur/tensor";
import { afterAll } from "vitest";
import type { RecipeInput } from "../src/index.ts";
import { goldenFolder } from "./golden-cases.ts";

const made: string[] = [];
afterAll(async () => {
  for (const path of made.splice(0)) await rm(path, { recursive: true, force: true });
});

/** A new folder that goes when the file's tests have ended. */
export async function newFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "secateur-pipeline-"));
  made.push(path);
  return path;
}

/** Writes files into a folder; objects as JSON, lists as JSON Lines. */
export async function writeFiles(folder: string, files: Readonly<Record<string, unknown>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content instanceof Uint8Array ? content : textOf(content));
  }
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return Array.isArray(content) ? content.map((row) => `${JSON.stringify(row)}\n`).join("") : JSON.stringify(content);
}

/** A golden model in a folder of its own, with other files in it or in place of its own. */
export async function copyGolden(name: string, files: Readonly<Record<string, unknown>> = {}, folder?: string): Promise<string> {
  const target = folder ?? join(await newFolder(), name);
  await mkdir(target, { recursive: true });
  for (const file of ["config.json", "model.safetensors"]) await cp(join(goldenFolder(name), file), join(target, file));
  await writeFiles(target, files);
  return target;
}

/** Wanda at half, on a golden model's own rows of token ids. */
export function goldenRecipe(name: string, rest: Partial<RecipeInput> = {}): RecipeInput & { readonly model: string } {
  const folder = goldenFolder(name);
  const amount = rest.pattern ? {} : { sparsity: 0.5 };
  return { model: folder, general: [{ source: join(folder, "calibration.jsonl") }], ...amount, ...rest };
}

/** A golden model's data of a task. */
export function taskA(name = "a"): { readonly name: string; readonly source: string } {
  return { name, source: join(goldenFolder("llama"), "task-a.jsonl") };
}

/** Every file of a folder, by name, as a hash; `run.json`, the only one in which equal runs differ, left out. */
export function filesOf(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => name !== "run.json");
  return Object.fromEntries(
    names.map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex"),
    ]),
  );
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

/** Uses a backend in plain TypeScript. */
export async function withBackend<T>(use: (backend: Backend) => Promise<T>): Promise<T> {
  const backend = createReferenceBackend();
  try {
    return await use(backend);
  } finally {
    await backend.dispose();
  }
}

/** The sizes of a model of the Llama family. */
export interface Sizes {
  readonly hidden: number;
  readonly ffn: number;
  readonly blocks: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly vocabulary: number;
  readonly positions: number;
}

/** config.json and the shapes of the tensors of a Llama with a tied head. */
export function llamaOf(sizes: Sizes): { readonly config: object; readonly shapes: ReadonlyMap<string, readonly number[]> } {
  const { hidden, ffn, blocks, heads, kvHeads, vocabulary, positions } = sizes;
  const kv = (hidden / heads) * kvHeads;
  const shapes = new Map<string, readonly number[]>([["model.embed_tokens.weight", [vocabulary, hidden]]]);
  for (let block = 0; block < blocks; block++) {
    const layers = { q_proj: hidden, k_proj: kv, v_proj: kv, o_proj: hidden };
    const prefix = `model.layers.${block}.`;
    for (const [name, rows] of Object.entries(layers)) shapes.set(`${prefix}self_attn.${name}.weight`, [rows, hidden]);
    for (const name of ["gate_proj", "up_proj"]) shapes.set(`${prefix}mlp.${name}.weight`, [ffn, hidden]);
    shapes.set(`${prefix}mlp.down_proj.weight`, [hidden, ffn]);
    for (const name of ["input_layernorm", "post_attention_layernorm"]) shapes.set(`${prefix}${name}.weight`, [hidden]);
  }
  shapes.set("model.norm.weight", [hidden]);
  const config = {
    model_type: "llama",
    hidden_size: hidden,
    intermediate_size: ffn,
    num_hidden_layers: blocks,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    vocab_size: vocabulary,
    max_position_embeddings: positions,
    tie_word_embeddings: true,
  };
  return { config, shapes };
}

/** Writes a Llama with random weights of a dtype, norms in F32. */
export async function randomLlama(folder: string, sizes: Sizes, dtype: DType = "BF16"): Promise<void> {
  const { config, shapes } = llamaOf(sizes);
  const random = seededRandom(1);
  const tensors = new Map<string, Tensor>();
  for (const [name, shape] of shapes) {
    const norm = shape.length === 1;
    const values = new Float32Array(sizeOf(shape)).map(() => (norm ? 1 : 0) + (random.next() - 0.5) * 0.1);
    tensors.set(name, fromFloat32(norm ? "F32" : dtype, shape, values));
  }
  await writeFiles(folder, { "config.json": config, "model.safetensors": encodeSafetensors(tensors, {}) });
}

/** Rows of random token ids. */
export function randomRows(count: number, tokens: number, vocabulary: number, seed = 1): { readonly input_ids: readonly number[] }[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => ({ input_ids: Array.from({ length: tokens }, () => random.below(vocabulary)) }));
}

/** A tokenizer of the words a to z, with `</s>` as its end token unless that is left out. */
export function letterTokenizer(end = true): Readonly<Record<string, unknown>> {
  const letters = [..."abcdefghijklmnopqrstuvwxyz"];
  const vocab = Object.fromEntries(["<unk>", "</s>", ...letters].map((token, id) => [token, id]));
  return {
    "tokenizer.json": {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: [{ id: 1, content: "</s>", special: true, single_word: false, lstrip: false, rstrip: false, normalized: false }],
      normalizer: null,
      pre_tokenizer: { type: "Whitespace" },
      post_processor: null,
      decoder: null,
      model: { type: "BPE", vocab, merges: [], unk_token: "<unk>" },
    },
    "tokenizer_config.json": end ? { eos_token: "</s>" } : {},
  };
}

/** The tensors of a folder's model, as they are. */
export function tensorsOf(folder: string): Map<string, Tensor> {
  const path = join(folder, "model.safetensors");
  return new Map(decodeSafetensors(readFileSync(path), path).tensors);
}

/** The tensors that differ between two models. */
export function changedTensors(before: string, after: string): string[] {
  const old = tensorsOf(before);
  const differs = ([name, tensor]: [string, Tensor]): boolean => Buffer.compare(bytesOf(tensor), bytesOf(old.get(name) as Tensor)) !== 0;
  return [...tensorsOf(after)].filter(differs).map(([name]) => name);
}
