import type { LoadOptions, Message } from "../../document.ts";
import { SecateurError } from "../../errors.ts";
import { errorAt } from "../../origin-error.ts";
import { column, type Row, wellFormed } from "./columns.ts";
import { describeValue, listNames } from "./describe.ts";
import { answer, plain, type RowContent, type RowReader } from "./row-content.ts";
import { templateReader } from "./row-template.ts";

/** The columns that options name, as they are written there; none where a row's own keys say what it is. */
export function namedColumns({ template, fields = {} }: LoadOptions): readonly string[] {
  return template === undefined ? Object.values(fields) : templateReader(template).columns;
}

/** The columns that the options' reader of rows looks into where a row has them. */
export function columnsRead(options: LoadOptions): readonly string[] {
  const { template, fields = {} } = options;
  const keys = template === undefined ? new Set(shapesWith(fields).flatMap((shape) => shape.keys)) : [];
  const names = template === undefined ? [...keys].map((key) => fields[key] ?? key) : namedColumns(options);
  return [...new Set(names.flatMap((name) => [name, ...name.split("|")]))];
}

/**
 * Makes the reader of rows: by the template when there is one, else by the first of the known shapes whose keys a row has, each key looked up in
 * the column that `fields` names. A shape has to use every key of `fields`. Throws SecateurError `usage` for options that fit no row.
 */
export function rowReader(options: LoadOptions): RowReader {
  const { template, fields = {} } = options;
  if (template === undefined) return shapeReader(fields);
  if (Object.keys(fields).length > 0)
    throw new SecateurError("usage", "template and fields cannot be used together: a template names its columns itself");
  return templateReader(template).read;
}

/** A row's values by standard key, and how to complain about one of them. */
interface Cells {
  get(key: string): unknown;
  fail(key: string, wanted: string, found?: string): SecateurError;
}

interface Shape {
  readonly keys: readonly string[];
  read(cells: Cells): RowContent | undefined;
}

// In the order in which they are tried: a shape goes before those whose keys are among its own.
const SHAPES: readonly Shape[] = [
  { keys: ["input_ids"], read: (cells) => ({ kind: "ids", ids: ids(cells) }) },
  { keys: ["messages"], read: (cells) => ({ kind: "messages", messages: messages(cells) }) },
  { keys: ["question", "choices", "answer"], read: (cells) => choices(cells, question(cells), " ") },
  { keys: ["question", "answer"], read: (cells) => answer(question(cells), ` ${text(cells, "answer")}`) },
  { keys: ["prompt", "choices", "answer"], read: (cells) => choices(cells, text(cells, "prompt"), "") },
  { keys: ["prompt", "answer"], read: (cells) => answer(text(cells, "prompt"), text(cells, "answer")) },
  { keys: ["text"], read: (cells) => plain(text(cells, "text")) },
];
const KEYS = [...new Set(SHAPES.flatMap((shape) => shape.keys))];
const SHAPES_SAID = SHAPES.map((shape) => shape.keys.join(" + ")).join("; ");

/** The shapes that use every key of `fields`. */
function shapesWith(fields: Readonly<Record<string, string>>): readonly Shape[] {
  const mapped = Object.keys(fields);
  const unknown = mapped.filter((key) => !KEYS.includes(key));
  if (unknown.length > 0)
    throw new SecateurError("usage", `fields: ${listNames(unknown)} is no standard key, those are ${listNames(KEYS)}`);
  const shapes = SHAPES.filter((shape) => mapped.every((key) => shape.keys.includes(key)));
  if (shapes.length > 0) return shapes;
  throw new SecateurError("usage", `fields: no shape of a row has ${listNames(mapped)} together, the shapes are ${SHAPES_SAID}`);
}

function shapeReader(fields: Readonly<Record<string, string>>): RowReader {
  const mapped = Object.keys(fields);
  const shapes = shapesWith(fields);
  return (row, origin, columns = Object.keys(row)) => {
    const cells: Cells = {
      get: (key) => column(row, fields[key] ?? key),
      fail: (key, wanted, found = describeValue(cells.get(key))) =>
        errorAt("data", origin, `${JSON.stringify(fields[key] ?? key)} is ${found}, ${wanted} was wanted`),
    };
    for (const key of mapped) {
      if (cells.get(key) !== undefined) continue;
      throw errorAt("data", origin, `the column ${JSON.stringify(fields[key])} (${key}) is missing, the row has ${listNames(columns)}`);
    }
    // A null counts as absent, since tables with a column for every shape are full of them; where nothing else fits, its shape complains about it.
    const shape =
      shapes.find(({ keys }) => keys.every((key) => (cells.get(key) ?? null) !== null)) ??
      shapes.find(({ keys }) => keys.every((key) => cells.get(key) !== undefined));
    if (shape !== undefined) return shape.read(cells);
    throw errorAt("data", origin, `no shape of a row fits, the row has ${listNames(columns)}, the shapes are ${SHAPES_SAID}`);
  };
}

function question(cells: Cells): string {
  return `Question: ${text(cells, "question")}\nAnswer:`;
}

function text(cells: Cells, key: string): string {
  const value = cells.get(key);
  if (typeof value !== "string") throw cells.fail(key, "a text");
  return wellFormed(value);
}

function ids(cells: Cells): readonly number[] {
  const value = cells.get("input_ids");
  if (!Array.isArray(value) || value.length === 0) throw cells.fail("input_ids", "an array of token ids");
  const wrong = value.findIndex((id) => !Number.isSafeInteger(id) || id < 0);
  if (wrong >= 0)
    throw cells.fail(
      "input_ids",
      "an array of whole numbers from 0 on",
      `an array with ${describeValue(value[wrong])} at item ${wrong + 1}`,
    );
  return value;
}

function choices(cells: Cells, prompt: string, before: string): RowContent {
  const value = cells.get("choices");
  if (!Array.isArray(value) || value.length < 2 || !value.every((choice) => typeof choice === "string")) {
    throw cells.fail("choices", "an array of two texts or more");
  }
  const right = cells.get("answer");
  if (!Number.isInteger(right) || (right as number) < 0 || (right as number) >= value.length) {
    throw cells.fail("answer", `the place of the right choice, a number from 0 to ${value.length - 1},`);
  }
  return { kind: "choices", prompt, choices: value.map((choice) => wellFormed(before + choice)), answer: right as number };
}

function messages(cells: Cells): readonly Message[] {
  const value = cells.get("messages");
  if (!Array.isArray(value) || value.length === 0) throw cells.fail("messages", "an array of {role, content}, both texts,");
  return value.map((message, i) => {
    const { role, content } = (message ?? {}) as Row;
    if (typeof role === "string" && typeof content === "string") return { role: wellFormed(role), content: wellFormed(content) };
    throw cells.fail("messages", "an array of {role, content}, both texts,", `an array whose item ${i + 1} is not of that form`);
  });
}
