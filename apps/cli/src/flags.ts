import { basename } from "node:path";
import { SecateurError } from "@secateur/kit";

/** A data source with the role that it is for, when one was said. */
export interface NamedSource {
  readonly name: string | undefined;
  readonly source: string;
}

/** A key and its value; `role` when one was said before the key. */
export interface FieldFlag {
  readonly role: string | undefined;
  readonly key: string;
  readonly column: string;
}

/** What a role or an option may be called. */
const IDENTIFIER = /^[A-Za-z_][\w-]*$/;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const FIELDS = ["text", "prompt", "answer", "question", "choices", "messages", "input_ids"];

/** Makes a flag repeatable: each value is parsed and put after those before it. */
export function repeated<T>(parse: (value: string) => T): (value: string, previous: readonly T[] | undefined) => readonly T[] {
  return (value, previous = []) => [...previous, parse(value)];
}

/** A list with commas. */
export function listed<T>(parse: (value: string) => T): (value: string) => readonly T[] {
  return (value) => value.split(",").map((one) => parse(one.trim()));
}

/** A text that says something. */
export function text(flag: string): (value: string) => string {
  return (value) => (value.trim() === "" ? refuse(flag, value, "a value") : value);
}

/** The name of a file with one of these endings. */
export function fileOf(flag: string, endings: readonly string[]): (value: string) => string {
  return (value) =>
    endings.some((ending) => value.toLowerCase().endsWith(ending) && value.length > ending.length)
      ? value
      : refuse(flag, value, `a file whose name ends in ${endings.join(" or ")}`);
}

/** A whole number from `least` on. */
export function wholeNumber(flag: string, least: number): (value: string) => number {
  return (value) => {
    const number = /^[+-]?\d+$/.test(value) ? Number(value) : Number.NaN;
    if (Number.isSafeInteger(number) && number >= least) return number;
    return refuse(flag, value, `a whole number from ${least} on`);
  };
}

/** A number from 0 to 1. */
export function share(flag: string): (value: string) => number {
  return (value) => {
    const number = decimal(value);
    return number >= 0 && number <= 1 ? number : refuse(flag, value, "a number from 0 to 1");
  };
}

/** The share of the weights to prune, between 0 and 1 and neither of them. */
export function sparsity(value: string): number {
  const number = decimal(value);
  return number > 0 && number < 1 ? number : refuse("--sparsity", value, "a number above 0 and below 1, such as 0.5 for half");
}

/** `KEEP:OF`: of every OF weights in a row KEEP stay. */
export function pattern(value: string): { keep: number; of: number } {
  const [, keep, of] = /^(\d{1,6}):(\d{1,6})$/.exec(value) ?? [];
  if (keep === undefined || Number(keep) < 1 || Number(keep) >= Number(of)) {
    return refuse("--pattern", value, "KEEP:OF with KEEP from 1 to less than OF, such as 2:4, which keeps 2 of every 4");
  }
  return { keep: Number(keep), of: Number(of) };
}

/** A size in bytes: `2GiB`, `500 MB`, `1.5G` (binary units without a `B` of their own). */
export function byteSize(flag: string): (value: string) => number {
  return (value) => {
    const [, number = "", prefix = "", binary] = /^([\d.]+)\s*([kmgt]?)(i?)b?$/i.exec(value.trim()) ?? [];
    const thousands = /[kmgt]b$/i.test(value.trim()) && binary === "";
    const power = prefix === "" ? 0 : "kmgt".indexOf(prefix.toLowerCase()) + 1;
    const bytes = Math.floor(decimal(number) * (thousands ? 1000 : 1024) ** power);
    return Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : refuse(flag, value, "a size such as 2GiB or 500MB");
  };
}

/** A fusion that is compared, with options; `tasksWeight` is the weight of the tasks' scores in it. */
export interface RuleFlag {
  /** The flag's text. */
  readonly name: string;
  readonly fusion: string;
  readonly fusionOptions: Readonly<Record<string, string>>;
  readonly tasksWeight?: number;
}

/** `NAME[:KEY=VALUE…]`: a fusion with options; `weight` among them is the tasks' weight. */
export function rule(value: string): RuleFlag {
  // A fusion may be named by its file, in which a colon may stand: what is no setting belongs to the name.
  const parts = value.split(":");
  const first = parts.findIndex((part, i) => i > 0 && /^[A-Za-z_]\w*=/.test(part));
  const fusion = (first < 0 ? parts : parts.slice(0, first)).join(":");
  if (fusion.trim() === "") return refuse("--fusion", value, "NAME or NAME:KEY=VALUE");
  const { weight, ...fusionOptions } = Object.fromEntries(first < 0 ? [] : parts.slice(first).map(keyValue("--fusion")));
  if (weight === undefined) return { name: value, fusion, fusionOptions };
  const tasksWeight = decimal(weight);
  if (tasksWeight > 0 && tasksWeight < 1) return { name: value, fusion, fusionOptions, tasksWeight };
  return refuse("--fusion", value, "a weight of the tasks above 0 and below 1");
}

/** One of several names. */
export function oneOf<Name extends string>(flag: string, names: readonly Name[]): (value: string) => Name {
  return (value) => names.find((name) => name === value) ?? refuse(flag, value, `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`);
}

/** `KEY=VALUE`; the value may contain more equals signs. */
export function keyValue(flag: string): (value: string) => readonly [key: string, value: string] {
  return (value) => {
    const [key, rest] = splitAt(value, "=");
    return rest === undefined || key === "" ? refuse(flag, value, "KEY=VALUE") : [key, rest];
  };
}

/** `NAME=0.5`: a role and its weight. */
export function weight(value: string): readonly [role: string, weight: number] {
  const [role, rest] = splitAt(value, "=");
  const number = decimal(rest ?? "");
  return role !== "" && number >= 0 && number <= 1 ? [role, number] : refuse("--weight", value, "NAME=WEIGHT with a weight from 0 to 1");
}

/** `[NAME=]SRC`: what stands before the first equals sign is a name only when it looks like one. */
export function namedSource(value: string): NamedSource {
  const [name, rest] = splitAt(value, "=");
  const { source, ...found } = rest !== undefined && IDENTIFIER.test(name) ? { name, source: rest } : { name: undefined, source: value };
  return source === "" ? refuse("--task", value, "[NAME=]FILE") : { ...found, source };
}

/** `[ROLE:]KEY=COLUMN`: which column of the rows holds what is usually called KEY. */
export function field(value: string): FieldFlag {
  const [left, column] = splitAt(value, "=");
  const [before, after] = splitAt(left, ":");
  const [role, key] = after === undefined ? [undefined, before] : [before, after];
  if (column === undefined || column === "" || role === "" || !FIELDS.includes(key)) {
    return refuse("--field", value, `[ROLE:]KEY=COLUMN with KEY one of ${FIELDS.join(", ")}`);
  }
  return { role, key, column };
}

/** `[ROLE=]TEXT`: what stands before the first equals sign is a role; a text that begins so itself wants a role before it. */
export function template(value: string, roles: readonly string[]): { role: string | undefined; template: string } {
  const [role, rest] = splitAt(value, "=");
  if (rest === undefined || !IDENTIFIER.test(role)) return { role: undefined, template: value };
  if (roles.includes(role)) return { role, template: rest };
  return refuse(
    "--template",
    value,
    `[ROLE=]TEXT; ${role} is no role here (${roles.join(", ")}), and a text that begins like one needs ROLE= before it`,
  );
}

/** `[ROLE=]NAME` or `[ROLE=]FILE.json`: a task template, which is no text with `{column}` places. */
export function taskTemplate(value: string): string {
  if (value.trim() !== "" && !value.includes("{")) return value;
  return refuse("--task-template", value, "a task template's name or JSON file; a text with {column} places is for --template");
}

/** A task's name from its file's: letters, digits, `_` and `-` of what comes before the endings. */
export function taskName(source: string): string {
  const stem = basename(source).replace(/(\.(jsonl?|ndjson|csv|tsv|parquet|txt|gz))+$/i, "");
  const name = stem.replace(/[^\w-]+/g, "_");
  return IDENTIFIER.test(name) ? name : `_${name}`;
}

function decimal(value: string): number {
  return DECIMAL.test(value.trim()) ? Number(value) : Number.NaN;
}

function splitAt(value: string, mark: string): [before: string, after: string | undefined] {
  const at = value.indexOf(mark);
  return at < 0 ? [value, undefined] : [value.slice(0, at), value.slice(at + 1)];
}

function refuse(flag: string, found: string, wanted: string): never {
  throw new SecateurError("usage", `${flag} ${found === "" ? '""' : found}: wanted ${wanted}`);
}
