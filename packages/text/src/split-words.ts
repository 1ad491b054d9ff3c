import type { Json } from "@secateur/kit";

type JsonObject = { readonly [key: string]: Json };

/**
 * The pre-tokenizer of a tokenizer, with a cut before each word added where that changes no token and saves a byte-pair encoder from taking a whole
 * text as one word. That is so when `▁` stands for a space and no merge yields a `▁` after another character: then no token ever reaches over such
 * a place, and merges on its two sides do not touch. Otherwise the pre-tokenizer as it is.
 */
export function withWordCuts(tokenizer: JsonObject): Json {
  const pre = tokenizer.pre_tokenizer ?? null;
  const model = tokenizer.model as JsonObject;
  if (model.type !== "BPE" || model.ignore_merges === true || !leavesWordsTogether(pre)) return pre;
  if (!Array.isArray(model.merges) || !model.merges.every(keepsWordsApart)) return pre;
  const cut = { type: "Split", pattern: { Regex: "▁+[^▁]*|[^▁]+" }, behavior: "Isolated", invert: false };
  return pre === null ? cut : { type: "Sequence", pretokenizers: [pre, cut] };
}

function leavesWordsTogether(pre: Json): boolean {
  if (pre === null) return true;
  const { type, pattern } = pre as JsonObject;
  return type === "Metaspace" || (type === "Split" && (pattern as JsonObject | undefined)?.String === " ");
}

function keepsWordsApart(merge: Json): boolean {
  const merged = Array.isArray(merge) ? merge.join("") : String(merge).replace(" ", "");
  return !/[^▁]▁/.test(merged);
}
