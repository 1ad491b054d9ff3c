export { type ChatText, type RenderOptions, renderChat, type Span } from "./chat.ts";
export { type ChatRequest, type ChatTemplate, chatTemplate, TEMPLATE_LIMITS, type TemplateLimits } from "./chat-template.ts";
export { type Collected, type CollectOptions, collectSequences } from "./collect.ts";
export { endTokens } from "./end-tokens.ts";
export { modelTokenizer } from "./model-tokenizer.ts";
export { createPacker, type Packable, type Packed, type Packer, packTokens, type Window } from "./packing.ts";
export { type EncodeOptions, encodeDocument, encodePair, type Sequence } from "./sequences.ts";
export { type DecodeOptions, loadTokenizer, TEXT_LIMITS, type Tokenizer, type TokenizerOptions } from "./tokenizer.ts";
export { evaluationWindows } from "./windows.ts";
