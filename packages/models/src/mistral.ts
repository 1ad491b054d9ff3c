import type { Architecture } from "./description.ts";
import { describeLlamaFamily } from "./llama-family.ts";

/** Mistral 7B (arXiv 2310.06825): Llama with a sliding window in every block, unless `sliding_window` is null. */
export const mistral: Architecture = {
  modelType: "mistral",
  describe: (config) =>
    describeLlamaFamily(config, {
      modelType: "mistral",
      bias: () => ({ qkv: false, output: false, mlp: false }),
      headNorm: false,
      window: (reader) => reader.slidingWindow(),
    }),
};
