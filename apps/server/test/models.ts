import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Folders } from "./server-process.ts";

const DEMO = fileURLToPath(new URL("../../cli/demo", import.meta.url));
const SHARED = resolve(import.meta.dirname, "../../..", process.env.SECATEUR_SHARED ?? "../shared");

/** A chat template that writes each message in a line of its own. */
const TEMPLATE =
  "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}";

/** Adds the demo model under a name, with files that differ: name → content. */
export function addDemo({ models }: Folders, name: string, files: Readonly<Record<string, string>> = {}): void {
  const folder = join(models, name);
  mkdirSync(folder, { recursive: true });
  for (const file of ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]) {
    cpSync(join(DEMO, file), join(folder, file));
  }
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content);
}

/** The same with a chat template. */
export function addChattyDemo(folders: Folders, name: string): void {
  addDemo(folders, name, { "chat_template.jinja": TEMPLATE });
}

/** Where a model of the shared folder has its tokenizer; undefined, with the reason printed, where it is not there. */
export function sharedTokenizer(model: string): string | undefined {
  const folder = join(SHARED, "models", model);
  if (existsSync(join(folder, "tokenizer.json"))) return folder;
  console.warn(`skipped what needs models/${model}, which is not in the shared folder (SECATEUR_SHARED)`);
  return undefined;
}

/** Where the demo model has its tokenizer. */
export const DEMO_TOKENIZER: string = DEMO;

const WIDTH = 32;

/**
 * Adds a model that writes, after each token of a chain, the next one: its only block adds nothing, each token of the chain has a hidden channel of its own, and the head turns
 * that into the next token. The chain's last token ends an answer.
 */
export function addChain({ models }: Folders, name: string, tokenizer: string, vocabulary: number, chain: readonly number[]): void {
  const folder = join(models, name);
  mkdirSync(folder, { recursive: true });
  for (const file of ["tokenizer.json", "tokenizer_config.json"]) cpSync(join(tokenizer, file), join(folder, file));
  const config = {
    model_type: "llama",
    hidden_size: WIDTH,
    intermediate_size: WIDTH,
    num_attention_heads: 1,
    num_hidden_layers: 1,
    vocab_size: vocabulary,
    max_position_embeddings: 64,
    tie_word_embeddings: false,
    eos_token_id: chain.at(-1),
  };
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const matrix = (rows: number, ones: readonly (readonly [row: number, column: number])[] = []): readonly [number[], Float32Array] => {
    const values = new Float32Array(rows * WIDTH);
    for (const [row, column] of ones) values[row * WIDTH + column] = 4;
    return [[rows, WIDTH], values];
  };
  const ones = (): readonly [number[], Float32Array] => [[WIDTH], new Float32Array(WIDTH).fill(1)];
  const layer = (of: string): string => `model.layers.0.${of}.weight`;
  const projections = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"];
  const zeros = [...projections, "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"];
  writeSafetensors(join(folder, "model.safetensors"), {
    "model.embed_tokens.weight": matrix(
      vocabulary,
      chain.map((id, i) => [id, i]),
    ),
    "lm_head.weight": matrix(
      vocabulary,
      chain.slice(1).map((id, i) => [id, i]),
    ),
    "model.norm.weight": ones(),
    [layer("input_layernorm")]: ones(),
    [layer("post_attention_layernorm")]: ones(),
    ...Object.fromEntries(zeros.map((of) => [layer(of), matrix(WIDTH)])),
  });
}

/** Writes tensors in single precision, name → shape and values. */
function writeSafetensors(file: string, tensors: Readonly<Record<string, readonly [number[], Float32Array]>>): void {
  let at = 0;
  const header: Record<string, unknown> = {};
  for (const [name, [shape, values]] of Object.entries(tensors)) {
    header[name] = { dtype: "F32", shape, data_offsets: [at, at + values.byteLength] };
    at += values.byteLength;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const data = Object.values(tensors).map(([, values]) => Buffer.from(values.buffer));
  writeFileSync(file, Buffer.concat([length, text, ...data]));
}
