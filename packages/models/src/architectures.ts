import { type OpenModel, SecateurError } from "@secateur/kit";
import { isFloat } from "@secateur/tensor";
import type { Architecture, ModelDescription } from "./description.ts";
import { llama } from "./llama.ts";
import { mistral } from "./mistral.ts";
import { qwen2 } from "./qwen2.ts";
import { qwen3 } from "./qwen3.ts";

/** The architectures of this package. */
export const ARCHITECTURES: readonly Architecture[] = [llama, mistral, qwen2, qwen3];

/**
 * Describes an opened model by its `model_type` and checks its headers against that: every tensor there, of the right shape and a floating-point dtype,
 * and none in a block that its program does not read. Throws SecateurError `unsupported` for an unknown architecture or a tensor more, and `format`
 * for what does not fit.
 */
export function describeModel(model: OpenModel, architectures: readonly Architecture[] = ARCHITECTURES): ModelDescription {
  const type = model.config.model_type;
  const architecture = architectures.find(({ modelType }) => modelType === type);
  if (!architecture) {
    const known = architectures.map(({ modelType }) => modelType).join(", ");
    throw new SecateurError(
      "unsupported",
      `${model.source}: config.json says model_type ${JSON.stringify(type ?? null)}; known are ${known}`,
      {
        where: { file: "config.json" },
      },
    );
  }
  const description = architecture.describe(model.config);
  for (const [name, shape] of description.tensors) {
    const found = model.tensors.get(name);
    if (!found)
      throw new SecateurError("format", `${model.source}: the tensor ${name} is missing, config.json asks for it`, {
        where: { tensor: name },
      });
    const where = { file: found.file, tensor: name };
    if (String(found.shape) !== String(shape)) {
      throw new SecateurError(
        "format",
        `${model.source}: ${name} has shape [${found.shape.join(", ")}], config.json asks for [${shape.join(", ")}]`,
        { where },
      );
    }
    if (!isFloat(found.dtype)) {
      throw new SecateurError("unsupported", `${model.source}: ${name} has dtype ${found.dtype}, a floating-point dtype is wanted`, {
        where,
      });
    }
  }
  checkNothingMore(model, description);
  return description;
}

/** Refuses weights in a block that its program would silently leave out, such as a bias that config.json does not name. */
function checkNothingMore(model: OpenModel, { modelType, blocks, tensors }: ModelDescription): void {
  const prefixes = new Set(blocks.map(({ prefix }) => prefix));
  for (const { name, file } of model.tensors.values()) {
    if (tensors.has(name) || name.endsWith(ROTARY_BUFFER)) continue;
    const prefix = /^.*?\.\d+\./.exec(name)?.[0];
    if (prefix === undefined || !prefixes.has(prefix)) continue;
    throw new SecateurError("unsupported", `${model.source}: a ${modelType} model of this config.json has no tensor ${name}`, {
      where: { file, tensor: name },
    });
  }
}

// Old files keep the rotary frequencies, which follow from config.json, beside the weights.
const ROTARY_BUFFER = "rotary_emb.inv_freq";
