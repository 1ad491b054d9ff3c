/** A JSON value in a few words, for messages: its kind, and the value itself where it is short. */
export function describeValue(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : `an array of ${value.length}`;
  if (typeof value === "object") return "an object";
  if (typeof value === "string") return value === "" ? "an empty text" : `the text ${excerpt(JSON.stringify(value))}`;
  return `the ${typeof value} ${String(value)}`;
}

/** The start of a text, for messages. */
export function excerpt(text: string): string {
  return text.length > EXCERPT ? `${text.slice(0, EXCERPT)}…` : text;
}

/** Names for a message, in quotes. */
export function listNames(names: readonly string[]): string {
  if (names.length === 0) return "none";
  const shown = names.slice(0, NAMES).map((name) => JSON.stringify(excerpt(name)));
  return shown.join(", ") + (names.length > NAMES ? ` and ${names.length - NAMES} more` : "");
}

const EXCERPT = 60;
const NAMES = 20;
