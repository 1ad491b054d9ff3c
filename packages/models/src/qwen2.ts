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
  if (!reader.flag("use_sliding_window", false)) return 0;
  const types = reader.config.layer_types ?? undefined;
  if (types === undefined) return block >= reader.count("max_window_layers", 28) ? reader.slidingWindow() : 0;
  const type = Array.isArray(types) ? types[block] : types;
  if (type !== "sliding_attention" && type !== "full_attention") {
    reader.fail(`layer_types[${block}]`, '"full_attention" or "sliding_attention"', type ?? null);
  }
  return type === "sliding_attention" ? reader.slidingWindow() : 0;
}
