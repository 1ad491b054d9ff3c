import type { ConfigReader } from "./config.ts";
import type { Architecture } from "./description.ts";
import { describeLlamaFamily } from "./llama-family.ts";

/** Qwen2 and Qwen2.5 (arXiv 2407.10671): Llama with biases on q, k and v. */
export const qwen2: Architecture = {
  modelType: "qwen2",
  describe: (config) =>
    describeLlamaFamily(config, {
      modelType: "qwen2",
      bias: () => ({ qkv: true, output: false, mlp: false }),
      headNorm: false,
      window: qwenWindow,
    }),
};

/** The window of a Qwen block: by `layer_types` where that is given, else from block `max_window_layers` on, and only with `use_sliding_window`. */
export function qwenWindow(reader: ConfigReader, block: number): number {
  const { layer_types: types, sliding_window: window } = reader.config;
  if (!reader.flag("use_sliding_window", false) || (window ?? null) === null) return 0;
  const sliding = Array.isArray(types) ? types[block] === "sliding_attention" : block >= reader.count("max_window_layers", 28);
  return sliding ? reader.count("sliding_window") : 0;
}
