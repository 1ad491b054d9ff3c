/** One turn of a conversation. */
export interface Message {
  readonly role: string;
  readonly content: string;
}

/** Where a document came from, for messages about it: the source as the user named it, and the 1-based line. */
export interface Origin {
  readonly source: string;
  readonly line: number;
}

/** One row of calibration or evaluation data. */
export type Document = { readonly origin: Origin } & (
  | { readonly kind: "text"; readonly text: string }
  | ({ readonly kind: "answer"; readonly prompt: string; readonly answer: string } & Answering)
  /** `choices` continue the prompt, as they are; `answer` is the index of the right one. */
  | { readonly kind: "choices"; readonly prompt: string; readonly choices: readonly string[]; readonly answer: number }
  | { readonly kind: "messages"; readonly messages: readonly Message[] }
  | { readonly kind: "ids"; readonly ids: readonly number[] }
);

/** How an answer that a model gives is compared with the right one. */
export interface Answering {
  /** Texts before which a model's answer ends, whichever comes first. */
  readonly stop?: readonly string[] | undefined;
  /** A regular expression: of an answer only its first match counts, of that the first group where there is one. All of it when left out. */
  readonly counts?: string | undefined;
}

/** The kinds of documents. */
export type DocumentKind = Document["kind"];

/** How rows are read when their own keys do not say it. */
export interface LoadOptions {
  /** Standard key (`text`, `prompt`, `answer`, `question`, `choices`, `messages`, `input_ids`) → the column that holds it. */
  readonly fields?: Readonly<Record<string, string>>;
  /** A text with `{column}` where a column goes; `|||` parts the prompt from the answer. Without `|||` the row is plain text. */
  readonly template?: string;
  /** Gives a row of empty text as a document too: where rows are joined to one text, empty ones count. */
  readonly keepEmpty?: boolean;
}

/** Reads data sources of one kind. */
export interface Loader {
  readonly name: string;
  readonly summary: string;
  /** The endings of the files that it reads, such as `.jsonl`; `.gz` may follow where the loader unpacks it. */
  readonly extensions: readonly string[];
  /**
   * The documents of a source, in its order, read as they are asked for: memory does not grow with the file.
   * Rows without content are skipped and counted in `report`. Throws SecateurError `not-found` or `data` with file and line.
   */
  load(source: string, options: LoadOptions, report: LoadReport): AsyncIterable<Document>;
}

/** What a loader counts while it reads; it grows as documents are taken. */
export interface LoadReport {
  rows: number;
  /** Rows without any content, which give no document. */
  empty: number;
  /** Rows that repeat an earlier one, which do give a document. */
  duplicates: number;
}
