import type { Answering, Origin, RowTemplate } from "../../document.ts";
import { SecateurError } from "../../errors.ts";
import { errorAt } from "../../origin-error.ts";
import { column, type Row, wellFormed } from "./columns.ts";
import { describeValue, excerpt, listNames } from "./describe.ts";
import { answer, plain, type RowReader } from "./row-content.ts";
import { constant, missing, parseTemplate, parseText, type Text } from "./template.ts";

/** A template made ready for rows. */
export interface TemplateReader {
  /** The columns that it names, as they are written. */
  readonly columns: readonly string[];
  readonly read: RowReader;
}

/** Makes a template ready. Throws SecateurError `usage` for one that says nothing of a row, or two things. */
export function templateReader(template: string | RowTemplate): TemplateReader {
  if (typeof template === "string") {
    const [first, second] = parseTemplate(template);
    return second === undefined ? textReader(first) : answerReader(first, second, {});
  }
  const { parts = {} } = template;
  const { columns, read } = contentReader(template);
  const split = splitter(parts);
  return {
    columns: [...columns, ...Object.keys(parts)],
    read: (row, origin, known = Object.keys(row)) => read(split(row, origin), origin, known),
  };
}

function contentReader(template: RowTemplate): TemplateReader {
  const { text, prompt, answer: given, choices, key, labels, stop, counts, maxTokens, trim } = template;
  const has = (values: Readonly<Record<string, unknown>>): string[] => Object.keys(values).filter((name) => values[name] !== undefined);
  const kind = text !== undefined ? "text" : choices !== undefined ? "choices" : "answer";
  const others = {
    text: { prompt, answer: given, choices, key, labels, stop, counts, maxTokens },
    choices: { answer: given, stop, counts, maxTokens },
    answer: { key, labels },
  };
  const [odd] = has(others[kind]);
  if (odd !== undefined) throw new SecateurError("usage", `template: ${odd} is given beside ${kind}, with which it says nothing`);
  if (text !== undefined) return textReader(variable(text, trim));
  if (prompt === undefined) throw new SecateurError("usage", "template: neither text nor prompt is given");
  if (choices !== undefined && key === undefined)
    throw new SecateurError("usage", "template: choices are given, and no key that says which is right");
  if (choices !== undefined) return choicesReader(variable(prompt, trim), choices, parseText(key as string, trim), labels);
  if (given === undefined) throw new SecateurError("usage", "template: a prompt is given, and neither answer nor choices");
  if (counts !== undefined) pattern("counts", counts);
  return answerReader(variable(prompt, trim), parseText(given, trim), {
    ...(stop && { stop }),
    ...(counts !== undefined && { counts }),
    ...(maxTokens !== undefined && { maxTokens }),
  });
}

/** A text that names a column. */
function variable(text: string, trim: readonly string[] | undefined): Text {
  const parsed = parseText(text, trim);
  if (parsed.columns.length === 0) throw constant(text);
  return parsed;
}

function textReader(text: Text): TemplateReader {
  return { columns: text.columns, read: (...row) => plain(text.fill(...row)) };
}

function answerReader(prompt: Text, given: Text, answering: Answering): TemplateReader {
  return {
    columns: [...prompt.columns, ...given.columns],
    read: (...row) => answer(prompt.fill(...row), given.fill(...row), answering),
  };
}

function choicesReader(
  prompt: Text,
  choices: string | readonly string[],
  key: Text,
  labels: string | readonly string[] | undefined,
): TemplateReader {
  const texts = typeof choices === "string" ? listOf("choices", choices) : choices.map((choice) => parseText(choice));
  const names = typeof labels === "string" ? listOf("labels", labels) : undefined;
  return {
    columns: [prompt, key, ...("each" in texts ? [texts] : texts), ...(names ? [names] : [])].flatMap(({ columns }) => columns),
    read(row, origin, known = Object.keys(row)) {
      const all = ("each" in texts ? required(texts, row, origin, known) : texts.map((text) => text.fill(row, origin, known))).map(
        wellFormed,
      );
      if (all.length < 2) throw errorAt("data", origin, `${all.length} choices were found, two or more were wanted`);
      const called = names?.each(row, origin) ?? (typeof labels === "string" ? undefined : labels);
      const right = placeOfKey(key.fill(row, origin, known), all, called, origin);
      return { kind: "choices", prompt: wellFormed(prompt.fill(row, origin, known)), choices: all, answer: right };
    },
  };
}

/** A text that is filled with each item of a list. */
interface ListText {
  readonly columns: readonly string[];
  /** Undefined where a row has no such column. Throws SecateurError `data` for what is no list of texts. */
  each(row: Row, origin: Origin): string[] | undefined;
}

function listOf(what: string, text: string): ListText {
  const parsed = parseText(text);
  const [name, ...more] = parsed.columns;
  if (name === undefined || more.length > 0)
    throw new SecateurError(
      "usage",
      `template: ${what} is ${JSON.stringify(text)}, a text with one {column}, which holds a list, or a list of texts was wanted`,
    );
  return {
    columns: parsed.columns,
    each(row, origin) {
      const list = column(row, name);
      if (list === undefined) return undefined;
      if (Array.isArray(list) && list.every((item) => typeof item === "string"))
        return list.map((item) => parsed.fill({ [name]: item }, origin));
      throw errorAt(
        "data",
        origin,
        `the template's column ${JSON.stringify(name)} is ${describeValue(list)}, an array of texts was wanted`,
      );
    },
  };
}

function required(texts: ListText, row: Row, origin: Origin, known: readonly string[]): string[] {
  const all = texts.each(row, origin);
  if (all === undefined) throw missing(texts.columns[0] as string, origin, known); // a list's text has one column
  return all;
}

/** The place of the right choice: that of its label, else the number that the key is, else that of the choice that is written so but for white space around it. */
function placeOfKey(key: string, choices: readonly string[], labels: readonly string[] | undefined, origin: Origin): number {
  const places = /^\d+$/.test(key) ? Number(key) : choices.findIndex((choice) => choice.trim() === key.trim());
  const place = labels === undefined ? places : labels.indexOf(key);
  if (place >= 0 && place < choices.length) return place;
  const wanted =
    labels === undefined
      ? `a place from 0 to ${choices.length - 1}, or one of ${listNames(choices.map((choice) => choice.trim()))}`
      : `one of ${listNames(labels)}`;
  throw errorAt("data", origin, `the key of the right choice is ${JSON.stringify(excerpt(key))}, ${wanted} was wanted`);
}

/** Adds to a row what the named groups of its columns' patterns take of them. */
function splitter(parts: Readonly<Record<string, string>>): (row: Row, origin: Origin) => Row {
  const patterns = Object.entries(parts).map(([name, text]) => [name, pattern(`parts.${name}`, text)] as const);
  return (given, origin) => {
    const groups = patterns.map(([name, expression]) => {
      const value = column(given, name);
      if (typeof value !== "string") return {};
      const match = expression.exec(value);
      if (match) return match.groups ?? {};
      const what = `${JSON.stringify(name)} is ${describeValue(value)}, which does not fit the template's pattern ${expression.source}`;
      throw errorAt("data", origin, what);
    });
    return groups.length === 0 ? given : Object.assign({}, ...groups, given);
  };
}

function pattern(what: string, text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (cause) {
    throw new SecateurError(
      "usage",
      `template: ${what} is ${JSON.stringify(text)}, a regular expression was wanted (${(cause as Error).message})`,
      { cause },
    );
  }
}
