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
  | ({ readonly kind: "answer"; readonly prompt: string; readonly answer: string } & Answering)
  /** `choices` continue the prompt, as they are; `answer` is the index of the right one. */
  | { readonly kind: "choices"; readonly prompt: string; readonly choices: readonly string[]; readonly answer: number }
  | { readonly kind: "messages"; readonly messages: readonly Message[] }
  | { readonly kind: "ids"; readonly ids: readonly number[] }
);

/** How an answer that a model gives is compared with the right one; both are taken in the same way. */
export interface Answering {
  /** Texts before which an answer ends, whichever comes first. */
  readonly stop?: readonly string[] | undefined;
  /** A regular expression: of an answer only its first match counts, of that the first group where there is one. All of it when left out. */
  readonly counts?: string | undefined;
  /** So many tokens an answer may have, where it does not end before that; from 1 on. */
  readonly maxTokens?: number | undefined;
}

/** The kinds of documents. */
export type DocumentKind = Document["kind"];

/** Rows of a source by their places in it, from 0; blank lines of a file of lines count. */
export interface RowRange {
  /** The first of them; 0 when left out. */
  readonly from?: number | undefined;
  /** The first one after them; all that there are when left out. */
  readonly to?: number | undefined;
}

/**
 * How a row becomes a document, where a template text does not say enough. What is called a text here is one with `{column}` where a column goes: `{a.b}` is what `b` is
 * of `a`, `{a|b}` the first of the two that the row has.
 */
export interface RowTemplate extends Answering {
  /** The columns of a table that may lack a header row, in order: a first record that begins with the first of these names is one. */
  readonly columns?: readonly string[] | undefined;
  /** Column → a regular expression whose named groups are further columns of rows that have it. */
  readonly parts?: Readonly<Record<string, string>> | undefined;
  /** Columns whose texts lose the white space around them. */
  readonly trim?: readonly string[] | undefined;
  /** A text: the row is that, and none of what follows is given. */
  readonly text?: string | undefined;
  /** A text: what is asked. */
  readonly prompt?: string | undefined;
  /** A text: what is answered. */
  readonly answer?: string | undefined;
  /** In place of the answer, what there is to choose from: a text for each, or one text whose column holds a list. */
  readonly choices?: string | readonly string[] | undefined;
  /** A text: which choice is right, by its label where there are labels, else by its place from 0 or as it is written. */
  readonly key?: string | undefined;
  /** What the choices are called: names, or a text whose column holds a list. A row without that column has none. */
  readonly labels?: string | readonly string[] | undefined;
}

/** Which rows are read, and how when their own keys do not say it. */
export interface LoadOptions {
  /** Standard key (`text`, `prompt`, `answer`, `question`, `choices`, `messages`, `input_ids`) → the column that holds it. */
  readonly fields?: Readonly<Record<string, string>>;
  /** A text with `{column}` where a column goes, in which `|||` parts the prompt from the answer; without `|||` the row is plain text. Or a template in parts. */
  readonly template?: string | RowTemplate;
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
