import type { Json } from "@secateur/kit";

/** A JSON object, parsed. */
export type JsonObject = { readonly [key: string]: Json };

/** What is wrong with a JSON text, and at which character. */
export class JsonError extends Error {
  readonly position: number;
  constructor(position: number, message: string) {
    super(message);
    this.name = "JsonError";
    this.position = position;
  }
}

// Deeper nesting than any model's file has, and far from the end of the stack.
const MAX_DEPTH = 200;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/**
 * Parses JSON (RFC 8259), and refuses what `JSON.parse` lets pass: a key that an object has twice, and nesting past 200 levels.
 * Throws a JsonError with the position, the same on every version of Node.
 */
export function parseJson(text: string): Json {
  let at = 0;
  const value = readValue(0);
  skipSpace();
  if (at < text.length) fail("the end of the text");
  return value;

  function readValue(depth: number): Json {
    if (depth > MAX_DEPTH) throw new JsonError(at, `nesting deeper than ${MAX_DEPTH} levels`);
    skipSpace();
    const first = text[at];
    if (first === "{") return readObject(depth);
    if (first === "[") return readArray(depth);
    if (first === '"') return readString();
    if (first === "t" && text.startsWith("true", at)) return skipWord(4, true);
    if (first === "f" && text.startsWith("false", at)) return skipWord(5, false);
    if (first === "n" && text.startsWith("null", at)) return skipWord(4, null);
    NUMBER.lastIndex = at;
    const digits = NUMBER.exec(text)?.[0];
    if (digits === undefined) fail("a value");
    at += digits.length;
    return Number(digits);
  }

  function skipWord(length: number, value: Json): Json {
    at += length;
    return value;
  }

  function readObject(depth: number): Json {
    const entries = new Map<string, Json>();
    at++;
    skipSpace();
    if (text[at] === "}") {
      at++;
      return {};
    }
    for (;;) {
      skipSpace();
      if (text[at] !== '"') fail("a key in double quotes");
      const start = at;
      const key = readString();
      if (entries.has(key)) throw new JsonError(start, `the key ${JSON.stringify(key)} is there twice`);
      skipSpace();
      if (text[at] !== ":") fail('":"');
      at++;
      entries.set(key, readValue(depth + 1));
      skipSpace();
      if (text[at] === "}") break;
      if (text[at] !== ",") fail('"," or "}"');
      at++;
    }
    at++;
    return Object.fromEntries(entries); // defines own properties, so that "__proto__" is a key like any other
  }

  function readArray(depth: number): Json {
    const items: Json[] = [];
    at++;
    skipSpace();
    if (text[at] === "]") {
      at++;
      return items;
    }
    for (;;) {
      items.push(readValue(depth + 1));
      skipSpace();
      if (text[at] === "]") break;
      if (text[at] !== ",") fail('"," or "]"');
      at++;
    }
    at++;
    return items;
  }

  function readString(): string {
    const start = at;
    let escaped = false;
    for (at++; text[at] !== '"'; at++) {
      if (at >= text.length) throw new JsonError(start, "a string that does not end");
      if (text.charCodeAt(at) < 0x20) fail("a string without raw control characters");
      if (text[at] === "\\") {
        escaped = true;
        at++;
      }
    }
    at++;
    if (!escaped) return text.slice(start + 1, at - 1);
    try {
      return JSON.parse(text.slice(start, at)) as string; // a quoted text without raw control characters is a string or an error
    } catch {
      throw new JsonError(start, "a string with an unknown escape");
    }
  }

  function skipSpace(): void {
    while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at++;
  }

  function fail(wanted: string): never {
    const found = at < text.length ? JSON.stringify(text[at]) : "the end of the text";
    throw new JsonError(at, `found ${found}, wanted ${wanted}`);
  }
}

/** Whether a value is a JSON object. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** JSON text that does not depend on the order of keys or on white space. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] as Json)}`).join(",")}}`;
}
