import { type BackendPlugin, defineBackend, numberFromText } from "@secateur/kit";
import { z } from "zod";
import { RUNTIME_NAMES, type RuntimeName } from "./runtimes.ts";

/** What the plugin can be told. */
export interface TfjsOptions {
  /** The runtime, or `auto`: the first of them that is installed and passes the self-test. */
  readonly runtime: RuntimeName | "auto";
  /** What products of matrices are computed in; `auto`, the default, is single precision. */
  readonly compute?: "f32" | "bf16" | "auto";
  /** Threads of a native runtime; 0, the default, takes one a core. */
  readonly threads?: number;
}

const options = z.strictObject({
  runtime: z
    .enum(["auto", ...RUNTIME_NAMES])
    .prefault("auto")
    .default("auto")
    .meta({ description: "what computes: auto takes the first that is installed and passes a self-test, in this order" }),
  compute: z
    .enum(["f32", "bf16", "auto"])
    .prefault("auto")
    .default("auto")
    .meta({ description: "what products are computed in; auto is f32; bf16 on node, where TensorFlow and the processor have it" }),
  threads: z
    .preprocess(numberFromText, z.int().min(0).max(1024))
    .prefault(0)
    .default(0)
    .meta({ description: "threads of the runtime node; 0 takes one a core. The others on a processor have one" }),
});

/** TensorFlow.js on Node, on a runtime that the user has installed. */
export const tfjs: BackendPlugin<TfjsOptions> = defineBackend({
  name: "tfjs",
  summary: "TensorFlow.js, op by op, on a runtime of it that you install: native, wasm or plain JavaScript",
  options,
  // Only this needs Node: a page that hands its own tfjs over never gets here.
  create: async (given) => (await import("./open.ts")).openTfjs(given),
  choices: async () => RUNTIME_NAMES.map((runtime) => ({ runtime })),
});
