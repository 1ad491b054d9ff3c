import { type BackendPlugin, booleanFromText, defineBackend, numberFromText } from "@secateur/kit";
import { z } from "zod";
import { createOnnxRuntimeBackend, type OnnxRuntimeOptions } from "./create.ts";
import { defaultProvidersFolder, installedProviders } from "./providers.ts";

// A default stands twice, so that both forms of the JSON Schema, of what comes in and of what comes out, show it.
const options = z.strictObject({
  provider: z
    .string()
    .prefault("auto")
    .default("auto")
    .meta({ description: "cpu, the name of an added provider, or auto: the fastest that passes a self-test" }),
  device: z.enum(["cpu", "gpu", "npu"]).optional().meta({ description: "only devices of this kind" }),
  compute: z
    .enum(["f32", "bf16", "auto"])
    .prefault("auto")
    .default("auto")
    .meta({ description: "what products are computed in; auto takes what the device is fastest in" }),
  threads: z
    .preprocess(numberFromText, z.int().min(0).max(1024))
    .prefault(0)
    .default(0)
    .meta({ description: "threads for one operator; 0 takes one a core" }),
  fused: z
    .preprocess(booleanFromText, z.boolean())
    .optional()
    .meta({ description: "use fused operators; false writes everything in primitives (default: as the provider has them)" }),
  providerOptions: z
    .preprocess(recordFromText, z.record(z.string(), z.string()))
    .prefault({})
    .default({})
    .meta({ description: "options of the provider, as a JSON object of texts" }),
  providersFolder: z.string().optional().meta({ description: "where added providers are (default: the user's data folder)" }),
});

/** ONNX Runtime: one graph a block shape, on its own CPU provider or on one that was added. */
export const onnxruntime: BackendPlugin<OnnxRuntimeOptions> = defineBackend({
  name: "onnxruntime",
  summary: "ONNX Runtime, on the processor or on an added provider's device, one graph for every block of a model",
  options,
  create: (given) => createOnnxRuntimeBackend(given),
  choices: async () =>
    ["cpu", ...(await installedProviders(defaultProvidersFolder())).map(({ name }) => name)].map((provider) => ({ provider })),
});

function recordFromText(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return { [`no JSON: ${value}`]: undefined }; // the schema says what was wanted, and the key what was found
  }
}
