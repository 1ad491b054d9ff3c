/** A row of a data file: column → its value, as JSON has values. */
export type Row = Readonly<Record<string, unknown>>;

/**
 * The value of a column: the key of that very name, else, for `a|b`, that of the first of the two that is there, and for `a.b` key `b` (or item number `b`) of
 * the value of `a`. Undefined when there is none.
 */
export function column(row: Row, name: string): unknown {
  if (Object.hasOwn(row, name)) return row[name];
  const names = name.split("|");
  if (names.length > 1) return names.map((one) => column(row, one)).find((value) => value !== undefined);
  let value: unknown = row;
  for (const key of name.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Row)[key];
  }
  return value;
}

/** Puts U+FFFD in the place of halves of surrogate pairs, which no encoding can express. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\uFFFD");
}
