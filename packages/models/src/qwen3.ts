import type { Architecture } from "./description.ts";
import { describeLlamaFamily } from "./llama-family.ts";
import { qwenWindow } from "./qwen2.ts";

/** Qwen3, dense (arXiv 2505.09388): Llama with queries and keys normalised head by head. */
export const qwen3: Architecture = {
  modelType: "qwen3",
  describe: (config) =>
    describeLlamaFamily(config, {
      modelType: "qwen3",
      bias: (reader) => {
        const attention = reader.flag("attention_bias", false);
        return { qkv: attention, output: attention, mlp: false };
      },
      headNorm: true,
      window: qwenWindow,
    }),
};
