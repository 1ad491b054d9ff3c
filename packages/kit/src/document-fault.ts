import type { DocumentKind } from "./document.ts";

/** What keeps a value from being a document, as it would follow the value's name in a message; undefined when it is one. */
export function documentFault(value: unknown): string | undefined {
  if (!isRecord(value)) return `is ${shown(value)}, wanted an object`;
  const { kind, origin } = value;
  if (!isRecord(origin) || typeof origin.source !== "string" || !Number.isSafeInteger(origin.line) || (origin.line as number) < 1)
    return "has no origin with a source and a line from 1";
  if (origin.unit !== undefined && origin.unit !== "line" && origin.unit !== "row")
    return `has an origin that counts ${shown(origin.unit)}, wanted line or row`;
  const check = typeof kind === "string" && Object.hasOwn(CONTENT, kind) ? CONTENT[kind as DocumentKind] : undefined;
  return check ? check(value) : `is of kind ${shown(kind)}, wanted text, answer, choices, messages or ids`;
}

type Fields = Readonly<Record<string, unknown>>;

const CONTENT: Readonly<Record<DocumentKind, (document: Fields) => string | undefined>> = {
  text: ({ text }) => textFault("text", text),
  answer: ({ prompt, answer, stop, counts, maxTokens }) =>
    textFault("prompt", prompt) ??
    textFault("answer", answer) ??
    (stop === undefined ? undefined : listFault("stop", stop, (text) => textFault("text to stop at", text))) ??
    (counts === undefined ? undefined : textFault("expression of what counts", counts)) ??
    (maxTokens === undefined || (Number.isSafeInteger(maxTokens) && (maxTokens as number) > 0)
      ? undefined
      : `has the limit ${shown(maxTokens)} of an answer's tokens, wanted a whole number from 1`),
  choices: ({ prompt, choices, answer }) =>
    textFault("prompt", prompt) ??
    listFault("choices", choices, (choice) => textFault("choice", choice)) ??
    placeFault(answer, (choices as readonly unknown[]).length),
  messages: ({ messages }) =>
    listFault("messages", messages, (message) =>
      isRecord(message)
        ? (textFault("message role", message.role) ?? textFault("message content", message.content))
        : `has the message ${shown(message)}, wanted an object`,
    ),
  ids: ({ ids }) =>
    listFault("ids", ids, (id) =>
      Number.isSafeInteger(id) && (id as number) >= 0 ? undefined : `has the token ${shown(id)}, wanted whole numbers from 0`,
    ),
};

function textFault(name: string, value: unknown): string | undefined {
  return typeof value === "string" ? undefined : `has the ${name} ${shown(value)}, wanted a text`;
}

function listFault(name: string, value: unknown, faultOf: (item: unknown) => string | undefined): string | undefined {
  if (!Array.isArray(value)) return `has the ${name} ${shown(value)}, wanted an array`;
  for (const item of value) {
    const fault = faultOf(item);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function placeFault(answer: unknown, choices: number): string | undefined {
  const fits = Number.isSafeInteger(answer) && (answer as number) >= 0 && (answer as number) < choices;
  return fits ? undefined : `has the answer ${shown(answer)}, wanted the place of one of ${choices} choices`;
}

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

// So much of a value is shown.
const SHOWN = 60;

/** A value in a message, a list or an object by what it is. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isRecord(value)) return "an object";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
