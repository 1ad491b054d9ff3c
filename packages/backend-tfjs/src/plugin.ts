import { type BackendPlugin, defineBackend } from "@secateur/kit";
import { z } from "zod";
import { RUNTIME_NAMES, type RuntimeName } from "./runtimes.ts";

/** What the plugin can be told. */
export interface TfjsOptions {
  /** The runtime, or `auto`: the first of them that is installed and passes the self-test. */
  readonly runtime: RuntimeName | "auto";
}

const options = z.strictObject({
  runtime: z
    .enum(["auto", ...RUNTIME_NAMES])
    .prefault("auto")
    .default("auto")
    .meta({ description: "what computes: auto takes the first that is installed and passes a self-test, in this order" }),
});

/** TensorFlow.js on Node, on a runtime that the user has installed. */
export const tfjs: BackendPlugin<TfjsOptions> = defineBackend({
  name: "tfjs",
  summary: "TensorFlow.js, op by op in single precision, on a runtime of it that you install: native, wasm or plain JavaScript",
  options,
  // Only this needs Node: a page that hands its own tfjs over never gets here.
  create: async (given) => (await import("./open.ts")).openTfjs(given),
});
