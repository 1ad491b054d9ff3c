import type { ListedPlugin } from "@secateur/engine";

/** An option of a plugin as the server describes it. */
export type Option = ListedPlugin["options"][number];

/** How an option is asked for. What is typed is a text; an empty one leaves the option at its default. */
export interface OptionControl {
  readonly kind: "choice" | "number" | "text" | "pairs";
  /** Of a choice, as texts. */
  readonly choices: readonly string[];
  /** What the empty text stands for. */
  readonly placeholder: string;
}

/** What was made of a text: a value, nothing where it is empty, or what is wrong with it. */
type Reading = { readonly value?: unknown; readonly problem?: undefined } | { readonly problem: string };

/** The name of an option that stands for names of the user's own. */
export const ANY_NAME = "…";

// The server refuses options that say where something is.
const PLACES = /folder|path|file|dir|^providerOptions$/i;

/** The options of a plugin that a page may ask for. */
export function askedOptions({ options }: Pick<ListedPlugin, "options">): Option[] {
  return options.filter(({ name }) => !PLACES.test(name));
}

/** How an option is asked for. */
export function controlOf(option: Option): OptionControl {
  const types = alternatives(option.type);
  const fallback = option.default === undefined ? (option.required ? "" : "default") : textOf(option.default);
  const control = (kind: OptionControl["kind"], choices: readonly string[] = []): OptionControl => ({
    kind,
    choices,
    placeholder: fallback,
  });
  if (option.name === ANY_NAME) return control("pairs");
  if (option.enum) return control("choice", option.enum.map(textOf));
  if (types.every(isClosed)) return control("choice", types.flatMap(valuesOf));
  return types.every((type) => type === "number" || type === "integer") ? control("number") : control("text");
}

/** What a text says of an option, by its schema. */
export function readOption(option: Option, text: string): Reading {
  const typed = text.trim();
  if (option.name === ANY_NAME) return readPairs(option, typed);
  if (typed === "") return option.required ? { problem: `${wantedOf(option)} is wanted` } : {};
  return readValue(option, typed);
}

function readValue(option: Option, typed: string): Reading {
  if (option.enum) {
    const found = option.enum.find((value) => textOf(value) === typed);
    return found === undefined ? { problem: `${typed} was given, ${wantedOf(option)} is wanted` } : { value: found };
  }
  for (const type of alternatives(option.type)) {
    const value = parseAs(type, typed);
    if (typeof value === "number" && !isWithin(option, value)) break;
    if (value !== undefined) return { value };
  }
  return { problem: `${typed} was given, ${wantedOf(option)} is wanted` };
}

/** `NAME=VALUE` a line. */
function readPairs(option: Option, typed: string): Reading {
  if (typed === "") return {};
  const pairs: [string, unknown][] = [];
  for (const line of typed.split("\n").filter((one) => one.trim() !== "")) {
    const at = line.lastIndexOf("=");
    if (at <= 0) return { problem: `${line.trim()} was given, NAME=VALUE is wanted` };
    const read = readValue(option, line.slice(at + 1).trim());
    if (read.problem !== undefined) return read;
    pairs.push([line.slice(0, at).trim(), read.value]);
  }
  return { value: Object.fromEntries(pairs) };
}

/** The options of a plugin from texts, by name, and what is wrong with them. */
export function readOptions(
  plugin: Pick<ListedPlugin, "options">,
  texts: Readonly<Record<string, string>>,
): { readonly values: Record<string, unknown>; readonly problems: ReadonlyMap<string, string> } {
  const values: Record<string, unknown> = {};
  const problems = new Map<string, string>();
  for (const option of askedOptions(plugin)) {
    const read = readOption(option, texts[option.name] ?? "");
    if (read.problem !== undefined) problems.set(option.name, read.problem);
    else if (option.name === ANY_NAME) Object.assign(values, read.value ?? {});
    else if (read.value !== undefined) values[option.name] = read.value;
  }
  return { values, problems };
}

/** The texts that options were given as, by name: those that the plugin does not name are of the user's own. */
export function optionTexts(plugin: Pick<ListedPlugin, "options">, values: Readonly<Record<string, unknown>>): Record<string, string> {
  const named = new Set(plugin.options.map(({ name }) => name));
  const texts: Record<string, string> = {};
  const own: string[] = [];
  for (const [name, value] of Object.entries(values)) {
    if (named.has(name)) texts[name] = textOf(value);
    else own.push(`${name}=${textOf(value)}`);
  }
  if (own.length > 0) texts[ANY_NAME] = own.join("\n");
  return texts;
}

/** The kinds that a type may be of: `number | null` is of two. */
function alternatives(type: string): string[] {
  return type.split(/ \| (?![^(]*\))/); // within brackets they are those of a list's items
}

function isClosed(type: string): boolean {
  return type === "boolean" || type === "null" || /^(?:".*"|-?\d+(?:\.\d+)?|true|false)$/.test(type);
}

function valuesOf(type: string): string[] {
  return type === "boolean" ? ["true", "false"] : [textOf(JSON.parse(type))];
}

/** A text as a value of a kind; undefined where it is none. */
function parseAs(type: string, text: string): unknown {
  if (type === "string") return text;
  if (type === "number" || type === "integer") {
    const value = Number(text);
    return Number.isFinite(value) && (type === "number" || Number.isInteger(value)) ? value : undefined;
  }
  if (isClosed(type)) return valuesOf(type).includes(text) ? (type.startsWith('"') ? text : JSON.parse(text)) : undefined;
  if (type.endsWith("[]")) return parseList(type, text);
  return type === "any" || type === "object" ? parseJson(text) : undefined;
}

/** A list is written with commas, or as JSON. */
function parseList(type: string, text: string): unknown {
  if (text.startsWith("[")) return parseJson(text);
  const item = type.slice(0, -2).replace(/^\((.*)\)$/, "$1");
  const items = text.split(",").map((part) => {
    return alternatives(item)
      .map((one) => parseAs(one, part.trim()))
      .find((value) => value !== undefined);
  });
  return items.every((value) => value !== undefined) ? items : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

const NOUNS: Readonly<Record<string, string>> = { number: "a number", integer: "a whole number", string: "a text" };

function isWithin({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: Option, value: number): boolean {
  if (minimum !== undefined && value < minimum) return false;
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) return false;
  if (maximum !== undefined && value > maximum) return false;
  return exclusiveMaximum === undefined || value < exclusiveMaximum;
}

function boundsText({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: Option): string {
  const parts = [
    minimum === undefined ? [] : [`from ${minimum} on`],
    exclusiveMinimum === undefined ? [] : [`above ${exclusiveMinimum}`],
    maximum === undefined ? [] : [`up to ${maximum}`],
    exclusiveMaximum === undefined ? [] : [`below ${exclusiveMaximum}`],
  ].flat();
  return parts.length === 0 ? "" : ` ${parts.join(" and ")}`;
}

function wantedOf(option: Option): string {
  const { type, enum: values } = option;
  if (values) return values.map(textOf).join(" or ");
  if (type === "number" || type === "integer") return `${NOUNS[type]}${boundsText(option)}`;
  return NOUNS[type] ?? (type.endsWith("[]") ? "a list with commas" : type.replaceAll('"', "").replaceAll(" | ", " or "));
}
