import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeHeader } from "@secateur/format-safetensors";
import { type Config, llama } from "@secateur/models";
import { bytesOf, fromFloat32, seededRandom, sizeOf } from "@secateur/tensor";

/** SmolLM2-135M's sizes: the model that figures are quoted for. */
export const SMOLLM2: Config = {
  model_type: "llama",
  hidden_size: 576,
  intermediate_size: 1536,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  num_hidden_layers: 30,
  vocab_size: 49152,
  max_position_embeddings: 8192,
  rms_norm_eps: 1e-5,
  rope_theta: 100000,
  hidden_act: "silu",
  tie_word_embeddings: true,
};

/** So many rows a role are for measuring with. */
const EVAL_ROWS = 16;

/** Writes a bf16 model of these sizes with seeded random weights, and rows of random token ids beside it: of each role some to calibrate and some to measure with. */
export async function writeRandomModel(
  folder: string,
  config: Config,
  rows: { readonly count: number; readonly tokens: number },
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  const random = seededRandom(1);
  const { tensors, vocabulary } = llama.describe(config);

  const layout = [...tensors].map(([name, shape]) => ({ name, dtype: "BF16" as const, shape }));
  const file = createWriteStream(join(folder, "model.safetensors"));
  file.write(encodeHeader(layout, { format: "pt" }, "model.safetensors").bytes);
  for (const { name, shape } of layout) {
    const spread = name.includes("norm") ? 0 : 1 / Math.sqrt(shape.at(-1) ?? 1);
    const values = Float32Array.from({ length: sizeOf(shape) }, () => (spread === 0 ? 1 : (random.next() - 0.5) * 2 * spread));
    if (!file.write(bytesOf(fromFloat32("BF16", shape, values)))) await once(file, "drain");
  }
  file.end();
  await once(file, "close");

  for (const role of ["general", "task"]) {
    await writeRows(join(folder, `${role}.jsonl`), rows.count);
    await writeRows(join(folder, `${role}.eval.jsonl`), EVAL_ROWS);
  }

  async function writeRows(path: string, count: number): Promise<void> {
    const line = (): string => JSON.stringify({ input_ids: Array.from({ length: rows.tokens }, () => random.below(vocabulary)) });
    await writeFile(path, `${Array.from({ length: count }, line).join("\n")}\n`);
  }
}
