/**
 * A value of a table as JSON has values: 64-bit integers as numbers where those hold them and else as texts, dates and times as ISO 8601 has them, bytes as their
 * numbers, and what is missing as null.
 */
export function jsonValue(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value !== "object") return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (Array.isArray(value)) return value.map(jsonValue);
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as Iterable<unknown>, jsonValue); // no DataView comes out of a table
  return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, jsonValue(of)]));
}
