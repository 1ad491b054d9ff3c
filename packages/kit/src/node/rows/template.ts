import type { Origin } from "../../document.ts";
import { SecateurError } from "../../errors.ts";
import { errorAt } from "../../origin-error.ts";
import { column, type Row } from "./columns.ts";
import { describeValue, listNames } from "./describe.ts";

/** A text with `{column}` places, made ready. */
export interface Text {
  /** The columns that it names, as they are written. */
  readonly columns: readonly string[];
  /** The text of a row. Throws SecateurError `data` for a column that is missing, which lists `known`, the row's own when left out, or cannot be written as text. */
  fill(row: Row, origin: Origin, known?: readonly string[]): string;
}

/**
 * Reads a template: a text, or with `|||` between them the prompt and the answer. `{column}` stands for a row's value, as `column` finds it, `{{` and `}}` for braces,
 * `\n`, `\t` and `\\` for newline, tab and backslash. Throws SecateurError `usage` that names the position.
 */
export function parseTemplate(text: string): readonly [Text] | readonly [prompt: Text, answer: Text] {
  const [first, second, ...more] = splitParts(tokens(text)).map((pieces) => textOf(pieces));
  if (more.length > 0) throw new SecateurError("usage", `template: ||| stands ${more.length + 1} times, once at most was wanted`);
  if ((first as Text).columns.length + (second?.columns.length ?? 0) === 0) throw constant(text);
  return second === undefined ? [first as Text] : [first as Text, second]; // a text has one part at least
}

/** Reads one text of a template that is in parts; `trim` names columns that lose the white space around their texts. Throws SecateurError `usage`. */
export function parseText(text: string, trim: readonly string[] = []): Text {
  const parts = splitParts(tokens(text));
  if (parts.length > 1)
    throw new SecateurError("usage", `template: ||| stands in ${JSON.stringify(text)}, which is one part of a template`);
  return textOf(parts.flat(), trim);
}

/** The error for a text that names no column, where every row would be the same. */
export function constant(text: string): SecateurError {
  return new SecateurError("usage", `template: no {column} in ${JSON.stringify(text)}, so every row would be the same`);
}

/** Literal text, or the column whose value goes there. */
type Piece = string | { readonly column: string };

const SEPARATOR = Symbol("|||");
const TOKEN = /\{\{|\}\}|\|\|\||\{[^{}]*\}|\\[nt\\]|[{}]|[^{}|\\]+|[|\\]/g;
const LITERALS: ReadonlyMap<string, string> = new Map([
  ["{{", "{"],
  ["}}", "}"],
  ["\\n", "\n"],
  ["\\t", "\t"],
  ["\\\\", "\\"],
]);

function tokens(text: string): (Piece | typeof SEPARATOR)[] {
  return [...text.matchAll(TOKEN)].map(({ 0: token, index }) => {
    if (token === "|||") return SEPARATOR;
    const literal = LITERALS.get(token);
    if (literal !== undefined) return literal;
    if (token === "{" || token === "}") {
      throw new SecateurError("usage", `template: a single ${token} at character ${index + 1}, write ${token}${token} for a brace`);
    }
    if (!token.startsWith("{")) return token;
    const name = token.slice(1, -1);
    if (name === "") throw new SecateurError("usage", `template: {} at character ${index + 1} names no column`);
    return { column: name };
  });
}

function splitParts(pieces: readonly (Piece | typeof SEPARATOR)[]): Piece[][] {
  const parts: Piece[][] = [[]];
  for (const piece of pieces) {
    if (piece === SEPARATOR) parts.push([]);
    else parts.at(-1)?.push(piece);
  }
  return parts;
}

function textOf(pieces: readonly Piece[], trim: readonly string[] = []): Text {
  return {
    columns: pieces.flatMap((piece) => (typeof piece === "string" ? [] : [piece.column])),
    fill: (row, origin, known = Object.keys(row)) =>
      pieces.map((piece) => (typeof piece === "string" ? piece : cell(row, piece.column, origin, known, trim))).join(""),
  };
}

function cell(row: Row, name: string, origin: Origin, known: readonly string[], trim: readonly string[]): string {
  const value = column(row, name);
  if (typeof value === "string") return name.split("|").some((one) => trim.includes(one)) ? value.trim() : value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value.join("\n");
  if (value === undefined) throw missing(name, origin, known);
  const found = Array.isArray(value) ? `${describeValue(value)} that are not all texts` : describeValue(value);
  throw errorAt(
    "data",
    origin,
    `the template's column ${JSON.stringify(name)} is ${found}, a text, number, boolean or array of texts was wanted`,
  );
}

/** The error for a column that a template names and a row has not. */
export function missing(name: string, origin: Origin, known: readonly string[]): SecateurError {
  return errorAt("data", origin, `the template's column ${JSON.stringify(name)} is missing, the row has ${listNames(known)}`);
}
