import { type OpenModel, SecateurError } from "@secateur/kit";
import { endTokens } from "./end-tokens.ts";
import { loadTokenizer, type Tokenizer } from "./tokenizer.ts";

/** An opened model's tokenizer; where its settings name no end token, the first of the model's config is taken. Throws SecateurError `format` when the model has no tokenizer.json. */
export function modelTokenizer(model: OpenModel): Tokenizer {
  if (!model.tokenizer)
    throw new SecateurError("format", `${model.source} has no tokenizer.json: only rows of input_ids can be read without one`);
  const [fallbackEndToken] = endTokens(model.config, model.generationConfig, undefined);
  return loadTokenizer(model.tokenizer, model.source, fallbackEndToken === undefined ? {} : { fallbackEndToken });
}
