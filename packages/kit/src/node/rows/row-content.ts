import type { Answering, Document, Origin } from "../../document.ts";
import { type Row, wellFormed } from "./columns.ts";

/** What a row says, without where it stands. */
export type RowContent = Content<Document>;

/** Reads one row. Undefined when it has no content. Throws SecateurError `data`, which lists `known`, the row's own columns when left out, where one is missing. */
export type RowReader = (row: Row, origin: Origin, known?: readonly string[]) => RowContent | undefined;

/** Running text, or nothing when it is empty. */
export function plain(text: string): RowContent | undefined {
  return text === "" ? undefined : { kind: "text", text: wellFormed(text) };
}

/** A prompt with its answer, or nothing when both are empty. */
export function answer(prompt: string, content: string, answering: Answering = {}): RowContent | undefined {
  return prompt === "" && content === ""
    ? undefined
    : { kind: "answer", prompt: wellFormed(prompt), answer: wellFormed(content), ...answering };
}

type Content<D> = D extends Document ? Omit<D, "origin"> : never;
