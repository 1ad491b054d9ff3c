import { type Format, type OpenModel, SecateurError } from "@secateur/kit";
import { probeFolder } from "./directory.ts";
import { openModel, type SafetensorsModel } from "./open.ts";
import { createSink } from "./sink.ts";

/** Hugging Face model directories: config.json, a tokenizer, and weights in one safetensors file or in several with an index. */
export const safetensors: Format = {
  name: "safetensors",
  summary: "Hugging Face model directories with safetensors weights",
  probe: probeFolder,
  open: openModel,
  async create(target, source, options = {}) {
    if (!isSafetensors(source)) {
      const message = `${source.source} is a ${source.format} model: a safetensors model can be written only from another one`;
      throw new SecateurError("unsupported", message, { where: { file: source.source } });
    }
    return createSink(target, source, options.resume);
  },
};

function isSafetensors(source: OpenModel): source is SafetensorsModel {
  return source.format === "safetensors" && "shards" in source;
}
