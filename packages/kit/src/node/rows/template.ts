import type { Origin } from "../../document.ts";
import { SecateurError } from "../../errors.ts";
import { errorAt } from "../../origin-error.ts";
import { column, type Row } from "./columns.ts";
import { describeValue, listNames } from "./describe.ts";

/** A template made ready: the text of each of its parts for a row, one without `|||` and two with it. */
export interface Template {
  readonly parts: 1 | 2;
  /** The columns that it names. */
  readonly columns: readonly string[];
  /** Throws SecateurError `data` for a column that is missing, which lists `columns`, the row's own when left out, or cannot be written as text. */
  fill(row: Row, origin: Origin, columns?: readonly string[]): readonly string[];
}

/**
 * Reads a template: `{column}` and `{outer.inner}` stand for a row's values, `{{` and `}}` for braces, `\n`, `\t` and `\\` for newline, tab and
 * backslash, and `|||` parts the prompt from the answer. Throws SecateurError `usage` that names the position.
 */
export function parseTemplate(text: string): Template {
  const parts = splitParts(tokens(text));
  if (parts.length > 2) throw new SecateurError("usage", `template: ||| stands ${parts.length - 1} times, once at most was wanted`);
  const columns = parts.flat().flatMap((piece) => (typeof piece === "string" ? [] : [piece.column]));
  if (columns.length === 0) {
    throw new SecateurError("usage", `template: no {column} in ${JSON.stringify(text)}, so every row would be the same`);
  }
  return {
    parts: parts.length === 2 ? 2 : 1,
    columns,
    fill: (row, origin, columns = Object.keys(row)) =>
      parts.map((pieces) => pieces.map((piece) => (typeof piece === "string" ? piece : cell(row, piece.column, origin, columns))).join("")),
  };
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

function cell(row: Row, name: string, origin: Origin, columns: readonly string[]): string {
  const value = column(row, name);
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value.join("\n");
  if (value === undefined)
    throw errorAt("data", origin, `the template's column ${JSON.stringify(name)} is missing, the row has ${listNames(columns)}`);
  const found = Array.isArray(value) ? `${describeValue(value)} that are not all texts` : describeValue(value);
  throw errorAt(
    "data",
    origin,
    `the template's column ${JSON.stringify(name)} is ${found}, a text, number, boolean or array of texts was wanted`,
  );
}
