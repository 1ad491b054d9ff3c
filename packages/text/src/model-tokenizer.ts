import { type OpenModel, SecateurError } from "@secateur/kit";
import { endTokens } from "./end-tokens.ts";
import { loadTokenizer, type Tokenizer } from "./tokenizer.ts";

// To load one takes longer than to encode some hundred rows, and a model that is pruned in memory has its source's.
const loaded = new WeakMap<NonNullable<OpenModel["tokenizer"]>, { readonly endToken: number | undefined; readonly tokenizer: Tokenizer }>();

/**
 * An opened model's tokenizer, loaded at the first call; where its settings name no end token, the first of the model's config is taken. Throws SecateurError `format`
 * when the model has no tokenizer.json.
 */
export function modelTokenizer({ tokenizer: files, source, config, generationConfig }: OpenModel): Tokenizer {
  if (!files) throw new SecateurError("format", `${source} has no tokenizer.json: only rows of input_ids can be read without one`);
  const [endToken] = endTokens(config, generationConfig, undefined);
  const known = loaded.get(files);
  if (known && known.endToken === endToken) return known.tokenizer;
  const tokenizer = loadTokenizer(files, source, endToken === undefined ? {} : { fallbackEndToken: endToken });
  loaded.set(files, { endToken, tokenizer });
  return tokenizer;
}
