export { ARCHITECTURES, describeModel } from "./architectures.ts";
export type { Config } from "./config.ts";
export {
  type Architecture,
  type BlockDescription,
  COS,
  type HeadDescription,
  HIDDEN,
  type ModelDescription,
  NEXT_HIDDEN,
  SIN,
  TARGET,
} from "./description.ts";
export { llama } from "./llama.ts";
export { mistral } from "./mistral.ts";
export { qwen2 } from "./qwen2.ts";
export { qwen3 } from "./qwen3.ts";
export { type Rotary, rotaryTables } from "./rotary.ts";
