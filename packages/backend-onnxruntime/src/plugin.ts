import { type BackendPlugin, booleanFromText, defineBackend, numberFromText } from "@secateur/kit";
import { z } from "zod";
import { createOnnxRuntimeBackend, type OnnxRuntimeOptions } from "./backend.ts";

// A default stands twice, so that both forms of the JSON Schema, of what comes in and of what comes out, show it.
const options = z.strictObject({
  threads: z
    .preprocess(numberFromText, z.int().min(0).max(1024))
    .prefault(0)
    .default(0)
    .meta({ description: "threads for one operator; 0 takes one a core" }),
  fused: z
    .preprocess(booleanFromText, z.boolean())
    .prefault(true)
    .default(true)
    .meta({ description: "use the runtime's fused operators; false writes everything in primitives" }),
});

/** ONNX Runtime's CPU provider: one graph a block shape, f32. */
export const onnxruntime: BackendPlugin<OnnxRuntimeOptions> = defineBackend({
  name: "onnxruntime",
  summary: "ONNX Runtime on the CPU, one graph for every block of a model",
  options,
  create: createOnnxRuntimeBackend,
});
