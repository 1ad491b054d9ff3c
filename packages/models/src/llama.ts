import type { Architecture } from "./description.ts";
import { describeLlamaFamily } from "./llama-family.ts";

/** Llama 1 to 3 (arXiv 2302.13971, 2407.21783) and the many models of its shape, such as SmolLM2. */
export const llama: Architecture = {
  modelType: "llama",
  describe: (config) =>
    describeLlamaFamily(config, {
      modelType: "llama",
      bias: (reader) => {
        const attention = reader.flag("attention_bias", false);
        return { qkv: attention, output: attention, mlp: reader.flag("mlp_bias", false) };
      },
      headNorm: false,
      window: () => 0,
    }),
};
