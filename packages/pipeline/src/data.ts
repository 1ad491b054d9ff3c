import { createHash } from "node:crypto";
import type { Document, Loader, LoadReport, Role } from "@secateur/kit";
import { SecateurError } from "@secateur/kit";
import { loaderFor } from "@secateur/kit/node";
import type { TokenSequence } from "@secateur/runner";
import { collectSequences, type Tokenizer } from "@secateur/text";
import type { DataSource, Recipe } from "./recipe.ts";

/** One role's calibration data, tokenised. */
export interface RoleData {
  readonly role: Role;
  readonly sources: readonly string[];
  readonly sequences: readonly TokenSequence[];
  /** Tokens over all sequences. */
  readonly tokens: number;
  /** `sha256:…` over the sequences' tokens and weights. */
  readonly hash: string;
  readonly warnings: readonly string[];
  readonly counts: {
    readonly rows: number;
    readonly empty: number;
    readonly duplicates: number;
    readonly truncated: number;
    readonly specialTokens: number;
  };
}

/** What data is read with. */
export interface DataContext {
  readonly loaders: readonly Loader[];
  readonly tokenizer: () => Tokenizer;
  readonly seqLen: number;
}

/** Reads one role's sources, in order, until there are enough sequences. Throws SecateurError `data` when they hold nothing. */
export async function loadRole(role: Role, sources: readonly DataSource[], recipe: Recipe, context: DataContext): Promise<RoleData> {
  const report: LoadReport = { rows: 0, empty: 0, duplicates: 0 };
  const { samples, pack, promptWeight, shuffle, seed } = recipe;
  const { documents, first } = await peek(documentsOf(sources, context.loaders, report));
  const collected = await collectSequences({
    documents,
    // Rows of token ids need no tokenizer, so a model whose tokenizer is missing or refused can be pruned with them.
    tokenizer: first === undefined || first.kind === "ids" ? undefined : context.tokenizer(),
    samples,
    seqLen: context.seqLen,
    promptWeight,
    ...(pack !== undefined && { pack }),
    ...(shuffle && { shuffle: { seed, buffer: SHUFFLE_BUFFER } }),
  });
  const names = sources.map(({ source }) => source);
  const { sequences, truncated, specialTokens } = collected;
  if (sequences.length === 0) {
    throw new SecateurError(
      "data",
      `${names.join(", ")}: no document to calibrate with (${report.rows} rows, ${report.empty} of them empty)`,
      { where: { file: names[0] as string } },
    );
  }
  const tokens = sequences.reduce((sum, { ids }) => sum + ids.length, 0);
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(`${role}: ${message}`);
  if (!collected.complete)
    warn(`${samples} sequences were asked for, the data gives ${sequences.length} (${tokens} tokens): all of it is used`);
  if (truncated > 0) warn(`${truncated} rows are longer than ${context.seqLen} tokens and were cut`);
  if (collected.weightless > 0) warn(`${collected.weightless} rows were left out: none of their tokens has weight`);
  if (specialTokens > 0) warn(`the text contains ${specialTokens} special tokens written out, which the tokenizer reads as control tokens`);
  if (report.empty > 0) warn(`${report.empty} empty rows were skipped`);
  if (report.duplicates > 0) warn(`${report.duplicates} rows repeat an earlier one`);
  return { role, sources: names, sequences, tokens, hash: hashOf(sequences), warnings, counts: { ...report, truncated, specialTokens } };
}

// So many rows are held to draw from, as in the streaming shuffle of the datasets library.
const SHUFFLE_BUFFER = 10_000;

/** The documents again, and the first of them. */
async function peek(documents: AsyncGenerator<Document>): Promise<{ documents: AsyncIterable<Document>; first: Document | undefined }> {
  const { value, done } = await documents.next();
  if (done) return { documents, first: undefined };
  async function* again(): AsyncGenerator<Document> {
    try {
      yield value;
      yield* documents;
    } finally {
      await documents.return(undefined);
    }
  }
  return { documents: again(), first: value };
}

async function* documentsOf(sources: readonly DataSource[], loaders: readonly Loader[], report: LoadReport): AsyncGenerator<Document> {
  for (const { source, fields, template } of sources) {
    yield* loaderFor(loaders, source).load(source, { ...(fields && { fields }), ...(template !== undefined && { template }) }, report);
  }
}

function hashOf(sequences: readonly TokenSequence[]): string {
  const hash = createHash("sha256");
  for (const { ids, weights } of sequences) {
    hash.update(new Uint32Array([ids.length]));
    hash.update(ids);
    hash.update(weights);
  }
  return `sha256:${hash.digest("hex")}`;
}
