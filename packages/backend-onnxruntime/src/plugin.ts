import { type BackendPlugin, defineBackend } from "@secateur/kit";
import { z } from "zod";
import { createOnnxRuntimeBackend, type OnnxRuntimeOptions } from "./backend.ts";

const flag = z.union([z.boolean(), z.stringbool()]);

/** ONNX Runtime's CPU provider: one graph a block shape, f32. */
export const onnxruntime: BackendPlugin<OnnxRuntimeOptions> = defineBackend({
  name: "onnxruntime",
  summary: "ONNX Runtime on the CPU, one graph for every block of a model",
  options: z.strictObject({
    threads: z.coerce.number().int().min(0).max(1024).default(0).describe("threads for one operator; 0 takes one a core"),
    fused: flag.default(true).describe("use the runtime's fused operators; false writes everything in primitives"),
  }),
  create: createOnnxRuntimeBackend,
});
