import { createHash } from "node:crypto";
import { type Document, errorAt, type Loader, type LoadReport, type OpenModel, placeOf, type Role, SecateurError } from "@secateur/kit";
import type { ModelDescription } from "@secateur/models";
import { type DataPurpose, taskDocuments } from "@secateur/tasks";
import { collectSequences, modelTokenizer, type Tokenizer, type Window } from "@secateur/text";
import type { DataSource, Recipe } from "./recipe.ts";

/** The token that a tokenizer ends a text with. */
export interface EndToken {
  readonly id: number;
  readonly text: string;
}

/** What a plan and a manifest say of a role's data. */
export interface RoleFacts {
  readonly role: Role;
  readonly sources: readonly string[];
  /** How many sequences. */
  readonly count: number;
  /** Tokens over all sequences. */
  readonly tokens: number;
  /** `sha256:…` over the sequences' tokens and weights. */
  readonly hash: string;
  /** Absent where rows of token ids needed no tokenizer. */
  readonly endToken?: EndToken | undefined;
  readonly counts: {
    readonly rows: number;
    readonly empty: number;
    readonly duplicates: number;
    readonly truncated: number;
    readonly specialTokens: number;
  };
}

/** One role's calibration data, tokenised. */
export interface RoleData extends RoleFacts {
  readonly sequences: readonly Window[];
  readonly warnings: readonly string[];
}

/** The part of a recipe that says how data is read. */
export type DataRecipe = Pick<Recipe, "samples" | "pack" | "promptWeight" | "shuffle" | "seed">;

/** What data is read with. */
interface DataContext {
  readonly loaders: readonly Loader[];
  readonly tokenizer: () => Tokenizer;
  readonly seqLen: number;
  /** Token ids end before this one. */
  readonly vocabulary: number;
  readonly take: (document: Document, role: Role) => boolean;
}

/** What data is read for. */
interface LoadRolesContext {
  readonly loaders: readonly Loader[];
  readonly model: OpenModel;
  readonly description: ModelDescription;
  readonly seqLen: number;
  /** Whether a document is data to calibrate with, asked of each that is read; all are when left out. */
  readonly take?: (document: Document, role: Role) => boolean;
}

/** Reads the data of some roles, tokenised. */
export async function loadRoles(
  wanted: readonly { readonly role: Role; readonly sources: readonly DataSource[] }[],
  recipe: DataRecipe,
  { loaders, model, description, seqLen, take = () => true }: LoadRolesContext,
): Promise<RoleData[]> {
  const context: DataContext = { loaders, seqLen, take, vocabulary: description.vocabulary, tokenizer: () => modelTokenizer(model) };
  const roles: RoleData[] = [];
  for (const { role, sources } of wanted) roles.push(await loadRole(role, sources, recipe, context));
  return roles;
}

/** Reads one role's sources, in order, until there are enough sequences. Throws SecateurError `data` when they hold nothing, or a token id that the model has not. */
async function loadRole(role: Role, sources: readonly DataSource[], recipe: DataRecipe, context: DataContext): Promise<RoleData> {
  const report: LoadReport = { rows: 0, empty: 0, duplicates: 0 };
  const { samples, pack, promptWeight, shuffle, seed } = recipe;
  const documents = documentsOf(sources, "calibrate", {
    loaders: context.loaders,
    report,
    take: (document) => context.take(document, role),
  });
  try {
    const { value: first } = (await documents.next()) as IteratorResult<Document, undefined>;
    // Rows of token ids need no tokenizer, so a model whose tokenizer is missing or refused can be pruned with them.
    const tokenizer = first === undefined || first.kind === "ids" ? undefined : context.tokenizer();
    const collected = await collectSequences({
      documents: first === undefined ? [] : again(first, documents),
      tokenizer,
      samples,
      seqLen: context.seqLen,
      promptWeight,
      ...(pack !== undefined && { pack }),
      ...(shuffle && { shuffle: { seed, buffer: SHUFFLE_BUFFER } }),
    });
    const names = sources.map(({ source }) => source);
    const { sequences, tokens, truncated, specialTokens } = collected;
    if (sequences.length === 0) {
      const weightless = collected.weightless > 0 ? `, ${collected.weightless} without a token that has weight` : "";
      throw new SecateurError(
        "data",
        `${names.join(", ")}: no document to calibrate with (${report.rows} rows, ${report.empty} of them empty${weightless})`,
        { where: { file: names[0] as string } },
      );
    }
    for (const sequence of sequences) checkIds(sequence, context.vocabulary);
    const end = tokenizer?.endToken;
    return {
      role,
      sources: names,
      sequences,
      count: sequences.length,
      tokens,
      hash: hashOf(sequences),
      endToken: end === undefined ? undefined : { id: end, text: (tokenizer as Tokenizer).decode([end]) },
      warnings: warningsOf(role, recipe, context.seqLen, report, collected),
      counts: { ...report, truncated, specialTokens },
    };
  } finally {
    await documents.return(undefined); // closes the file when something above has thrown
  }
}

// So many rows are held to draw from, as in the streaming shuffle of the datasets library.
const SHUFFLE_BUFFER = 10_000;

/** What documents are read with. */
interface DocumentsContext {
  readonly loaders: readonly Loader[];
  readonly report: LoadReport;
  /** Which documents are taken. */
  readonly take: (document: Document) => boolean;
  /** As a loader's. */
  readonly keepEmpty?: boolean;
}

/** The documents of some sources that are for a purpose, one source after another. */
export async function* documentsOf(
  sources: readonly DataSource[],
  purpose: DataPurpose,
  { take, ...context }: DocumentsContext,
): AsyncGenerator<Document, undefined> {
  for (const source of sources) for await (const document of taskDocuments(source, purpose, context)) if (take(document)) yield document;
}

/** The documents with the first of them back in its place. */
async function* again(first: Document, rest: AsyncIterable<Document>): AsyncGenerator<Document> {
  yield first;
  for await (const document of rest) {
    if (first.kind === "ids" && document.kind !== "ids") {
      const what = `this row is text, and the first one (${placeOf(first.origin)}) holds token ids: give a role one of the two`;
      throw errorAt("data", document.origin, what);
    }
    yield document;
  }
}

function checkIds({ ids, origin }: Window, vocabulary: number): void {
  const wrong = ids.find((id) => id < 0 || id >= vocabulary);
  if (wrong === undefined) return;
  throw errorAt("data", origin, `token id ${wrong} was found, the model's vocabulary ends at ${vocabulary - 1}`);
}

function warningsOf(
  role: Role,
  { samples }: DataRecipe,
  seqLen: number,
  { empty, duplicates }: LoadReport,
  collected: Awaited<ReturnType<typeof collectSequences>>,
): string[] {
  const { sequences, tokens, complete, truncated, weightless, specialTokens } = collected;
  const given = `${samples} sequences were asked for, the data gives ${sequences.length} (${tokens} tokens): all of it is used`;
  const warnings: [boolean, string][] = [
    [!complete, given],
    [truncated > 0, `${counted(truncated, "row is", "rows are")} longer than ${seqLen} tokens and cut`],
    [weightless > 0, `${counted(weightless, "row was", "rows were")} left out, without a token that has weight`],
    [specialTokens > 0, `the text has ${counted(specialTokens, "special token", "special tokens")} written out, read as control tokens`],
    [empty > 0, `${counted(empty, "empty row was", "empty rows were")} skipped`],
    [duplicates > 0, `${counted(duplicates, "row repeats", "rows repeat")} an earlier one`],
  ];
  return warnings.filter(([holds]) => holds).map(([, message]) => `${role}: ${message}`);
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** A hash of sequences' tokens and weights, `sha256:…`. */
export function hashOf(sequences: readonly Window[]): string {
  const hash = createHash("sha256");
  for (const { ids, weights } of sequences) {
    hash.update(new Uint32Array([ids.length]));
    hash.update(ids);
    hash.update(weights);
  }
  return `sha256:${hash.digest("hex")}`;
}
