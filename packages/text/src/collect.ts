import { type Document, errorAt, placeOf, SecateurError } from "@secateur/kit";
import { seededRandom } from "@secateur/tensor";
import { chatTemplate } from "./chat-template.ts";
import { createPacker, type Packer, type Window } from "./packing.ts";
import { encodeDocument, type Sequence } from "./sequences.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** What is collected, and how. */
export interface CollectOptions {
  readonly documents: AsyncIterable<Document> | Iterable<Document>;
  /** Needed for all documents but ids. */
  readonly tokenizer: Tokenizer | undefined;
  /** How many sequences. */
  readonly samples: number;
  /** How many tokens a sequence has, or at most has. */
  readonly seqLen: number;
  /** Whether documents are joined and cut into windows. Without it, text is, and other rows are a sequence each. */
  readonly pack?: boolean;
  /** The weight of a prompt's tokens (default 1). */
  readonly promptWeight?: number;
  /** Draws documents at random from a buffer of so many that is filled up from the source. */
  readonly shuffle?: { readonly seed: number; readonly buffer: number };
}

/** What was collected. */
export interface Collected {
  readonly sequences: readonly Window[];
  /** In all sequences together. */
  readonly tokens: number;
  /** Rows that were cut at `seqLen`. */
  readonly truncated: number;
  /** Rows left out because none of their tokens has weight, such as a prompt of weight 0 whose answer was cut off. */
  readonly weightless: number;
  /** Special tokens that were written out in documents and are read as such. */
  readonly specialTokens: number;
  /** How many sequences were asked for. */
  readonly wanted: number;
  /** There are as many as that, and packed ones are all whole. */
  readonly complete: boolean;
}

/**
 * Makes calibration sequences of documents, taking no more of them than it needs. Throws SecateurError `data` when rows that are packed and rows
 * that are not come from one source while `pack` is not given, `unsupported` when text is to be packed and the tokenizer has no end token, `usage`
 * for sizes that are no whole numbers from 1 on, and what `encodeDocument` throws.
 */
export async function collectSequences(options: CollectOptions): Promise<Collected> {
  const { samples, seqLen, tokenizer, shuffle } = options;
  checkSizes({ samples, seqLen, ...(shuffle === undefined ? {} : { "shuffle buffer": shuffle.buffer }) });
  const encode = encoder(options);
  const counts = { truncated: 0, weightless: 0, specialTokens: 0 };
  const rows: Window[] = [];
  let packer: Packer | undefined;
  let first: Document | undefined;
  for await (const document of shuffle === undefined ? options.documents : shuffled(options.documents, shuffle)) {
    first ??= document;
    const packed = options.pack ?? document.kind === "text";
    if (options.pack === undefined && packed !== (first.kind === "text")) throw mixedKinds(first, document);
    if (packed) refuseWithoutEnd(tokenizer, document);
    const sequence = encode(document);
    counts.specialTokens += tokenizer === undefined ? 0 : countSpecial(tokenizer, document);
    if (packed) {
      packer ??= createPacker(seqLen, samples);
      if (packer.add(sequence)) break;
      continue;
    }
    if (sequence.ids.length > seqLen) counts.truncated++;
    const row = { ids: sequence.ids.slice(0, seqLen), weights: sequence.weights.slice(0, seqLen), origin: sequence.origin };
    if (!row.weights.some((weight) => weight > 0)) {
      counts.weightless++;
      continue;
    }
    if (rows.push(row) === samples) break;
  }
  const { windows, complete } = packer?.finish() ?? { windows: rows, complete: rows.length === samples };
  return { sequences: windows, tokens: windows.reduce((sum, { ids }) => sum + ids.length, 0), ...counts, wanted: samples, complete };
}

function checkSizes(sizes: Readonly<Record<string, number>>): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (Number.isSafeInteger(size) && size > 0) continue;
    throw new SecateurError("usage", `${name} is ${size}, a whole number from 1 on was wanted`);
  }
}

/** `encodeDocument` with one chat template for all documents. */
function encoder({ tokenizer, promptWeight = 1 }: CollectOptions): (document: Document) => Sequence {
  let template: ReturnType<typeof chatTemplate> | undefined;
  return (document) => {
    if (document.kind === "messages" && tokenizer !== undefined) template ??= chatTemplate(tokenizer.files, tokenizer.source);
    return encodeDocument(tokenizer, document, { promptWeight, ...(template === undefined ? {} : { template }) });
  };
}

async function* shuffled(
  documents: AsyncIterable<Document> | Iterable<Document>,
  { seed, buffer }: { readonly seed: number; readonly buffer: number },
): AsyncGenerator<Document, void, undefined> {
  const random = seededRandom(seed);
  const held: Document[] = [];
  for await (const document of documents) {
    if (held.length < buffer) {
      held.push(document);
      continue;
    }
    const drawn = random.below(held.length);
    yield held[drawn] as Document;
    held[drawn] = document;
  }
  while (held.length > 0) {
    const drawn = random.below(held.length);
    const last = held.pop() as Document;
    if (drawn === held.length) yield last;
    else {
      yield held[drawn] as Document;
      held[drawn] = last;
    }
  }
}

function mixedKinds(first: Document, other: Document): SecateurError {
  const what = `${describe(other)} comes after ${describe(first)} (${placeOf(first.origin)})`;
  return errorAt(
    "data",
    other.origin,
    `${what}: text is packed and other rows are not, so either keep them in sources of their own or set pack`,
  );
}

function describe({ kind }: Document): string {
  return {
    text: "a row of text",
    answer: "a row of kind answer",
    choices: "a row of kind choices",
    messages: "a row of messages",
    ids: "a row of ids",
  }[kind];
}

function refuseWithoutEnd(tokenizer: Tokenizer | undefined, document: Document): void {
  // A chat template ends its turns itself, and ids are taken as they are.
  if (tokenizer === undefined || tokenizer.endToken !== undefined || document.kind === "messages" || document.kind === "ids") return;
  const what = `the tokenizer of ${tokenizer.source} has no end token, which packing puts after each document`;
  throw new SecateurError("unsupported", `${what}: name one as eos_token in tokenizer_config.json, or do not pack`);
}

function countSpecial(tokenizer: Tokenizer, document: Document): number {
  switch (document.kind) {
    case "ids":
      return 0;
    case "text":
      return tokenizer.countSpecial(document.text);
    case "answer":
      return tokenizer.countSpecial(document.prompt + document.answer);
    case "choices":
      return tokenizer.countSpecial(document.prompt + document.choices[document.answer]);
    case "messages":
      return document.messages.reduce((sum, { content }) => sum + tokenizer.countSpecial(content), 0);
  }
}
