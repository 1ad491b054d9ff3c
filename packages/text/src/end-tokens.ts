import { type Json, SecateurError } from "@secateur/kit";
import type { Tokenizer } from "./tokenizer.ts";

type Config = { readonly [key: string]: Json };

/**
 * The ids at which decoding stops: all of `eos_token_id` in generation_config.json, or in config.json where that has none, be it a number or a
 * list; then the tokenizer's end token. Packing uses that last one alone. Throws SecateurError `format` for what is no token id.
 */
export function endTokens(config: Config, generationConfig: Config | undefined, tokenizer: Tokenizer | undefined): readonly number[] {
  const ids = readIds(generationConfig?.eos_token_id, "generation_config.json") ?? readIds(config.eos_token_id, "config.json") ?? [];
  const end = tokenizer?.endToken;
  return [...new Set(end === undefined ? ids : [...ids, end])];
}

function readIds(value: Json | undefined, file: string): readonly number[] | undefined {
  if (value === undefined || value === null) return undefined;
  const ids = Array.isArray(value) ? value : [value];
  const wrong = ids.find((id) => !Number.isSafeInteger(id) || id < 0);
  if (wrong === undefined) return ids;
  throw new SecateurError(
    "format",
    `${file}: ${JSON.stringify(wrong)} in "eos_token_id", token ids (whole numbers from 0 on) were wanted`,
    {
      where: { file },
    },
  );
}
