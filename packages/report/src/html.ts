/** Markup that can stand in a page as it is. */
export interface Html {
  readonly markup: string;
}

/** What can be put into markup: texts and numbers are escaped, nothing stands for nothing. */
export type Part = Html | string | number | undefined | readonly Part[];

/** Markup with what is put into it escaped. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { markup: strings.reduce((text, string, i) => text + markupOf(parts[i - 1]) + string) };
}

/** Markup that somebody else has made safe, such as a chart's. */
export function trusted(markup: string): Html {
  return { markup };
}

function markupOf(part: Part): string {
  if (part === undefined) return "";
  if (typeof part === "string" || typeof part === "number") return escaped(String(part));
  return "markup" in part ? part.markup : part.map(markupOf).join("");
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function escaped(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
}

/** A text in which nothing is hidden: control characters, halves of pairs, and marks that turn the direction of what follows stand as their codes. */
export function visible(text: string): string {
  return text.replace(HIDDEN, codeOf);
}

// Line breaks and tabs are shown as they are.
const HIDDEN = /(?![\n\t])[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

function codeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** JSON that can stand in a script of a page, whatever its texts hold. */
export function scriptJson(value: unknown): Html {
  return { markup: JSON.stringify(value).replace(/[<>&]/g, codeOf).replace(HIDDEN, codeOf) };
}
