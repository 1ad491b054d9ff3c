/** One turn of a conversation. */
export interface Message {
  readonly role: string;
  readonly content: string;
}

/** Where a document came from, for messages about it. */
export interface Origin {
  /** The source as the user named it. */
  readonly source: string;
  /** Counted from 1. */
  readonly line: number;
  /** What `line` counts; lines when left out, and rows where a source has no lines. */
  readonly unit?: "line" | "row";
}

/** One row of calibration or evaluation data. */
export type Document = { readonly origin: Origin } & (
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "answer"; readonly prompt: string; readonly answer: string }
  /** `choices` continue the prompt, as they are; `answer` is the index of the right one. */
  | { readonly kind: "choices"; readonly prompt: string; readonly choices: readonly string[]; readonly answer: number }
  | { readonly kind: "messages"; readonly messages: readonly Message[] }
  | { readonly kind: "ids"; readonly ids: readonly number[] }
);

/** The kinds of documents. */
export type DocumentKind = Document["kind"];

/** Rows of a source by their places in it, from 0; blank lines of a file of lines count. */
export interface RowRange {
  /** The first of them; 0 when left out. */
  readonly from?: number | undefined;
  /** The first one after them; all that there are when left out. */
  readonly to?: number | undefined;
}

/** Which rows are read, and how when their own keys do not say it. */
export interface LoadOptions {
  /** Standard key (`text`, `prompt`, `answer`, `question`, `choices`, `messages`, `input_ids`) → the column that holds it. */
  readonly fields?: Readonly<Record<string, string>>;
  /** A text with `{column}` where a column goes; `|||` parts the prompt from the answer. Without `|||` the row is plain text. */
  readonly template?: string;
  /** Gives a row of empty text as a document too: where rows are joined to one text, empty ones count. */
  readonly keepEmpty?: boolean;
  /** Reads these rows alone: none outside of them is counted, refused or given, and none after them is read. */
  readonly rows?: RowRange;
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
