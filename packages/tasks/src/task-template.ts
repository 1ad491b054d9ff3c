import type { RowRange, RowTemplate } from "@secateur/kit";
import { z } from "zod";
import { parseInput } from "./parse-input.ts";

/** Examples that are put before each prompt. */
export interface FewShot {
  /** How many. */
  readonly count: number;
  /** The file that they are the first rows of, from the folder of the data file; the data file itself when left out. `{name}` is what `file` finds. */
  readonly source?: string | undefined;
  /** A regular expression that the name of the data file fits; its named groups have places in `source` and `introduction`. */
  readonly file?: string | undefined;
  /** Which rows of the file are taken from. */
  readonly rows?: RowRange | undefined;
  /** Stands before the examples; in what `file` finds, `_` is read as a space. */
  readonly introduction?: string | undefined;
  /** Stands between introduction, examples and prompt; a blank line when left out. */
  readonly separator?: string | undefined;
}

/** How the rows of a data set become documents, and which of them are for what. */
export interface TaskTemplate extends RowTemplate {
  readonly name?: string | undefined;
  readonly summary?: string | undefined;
  /** The rows of one file that are calibrated with and that are measured with; all of them when left out. */
  readonly rows?: { readonly calibrate?: RowRange | undefined; readonly evaluate?: RowRange | undefined } | undefined;
  readonly fewShot?: FewShot | undefined;
}

const text = z.string("a text with {column} places");
const expression = z.string("a regular expression").refine(isExpression, "a regular expression");
const place = z.int("a whole number from 0 on").min(0, "a whole number from 0 on").optional();
const range = z.strictObject({ from: place, to: place }, "an object with from, to or both").optional();
const texts = (of: string): z.ZodUnion<[z.ZodString, z.ZodArray<z.ZodString>]> => z.union([z.string(), z.array(z.string())], of);
const list = (of: string): z.ZodOptional<z.ZodArray<z.ZodString>> => z.array(z.string(of), `a list: ${of} each`).optional();

// The message of an issue is what is wanted, as a noun.
const template = z.strictObject(
  {
    name: z.string("a name").optional(),
    summary: z.string("one line").optional(),
    columns: list("the name of a column").describe("names of the columns of a table that may lack a header row"),
    parts: z.record(z.string(), expression, "an object: column → regular expression").optional(),
    trim: list("the name of a column").describe("columns that lose the white space around their texts"),
    text: text.optional().describe("the row as running text"),
    prompt: text.optional().describe("what is asked"),
    answer: text.optional().describe("what is answered"),
    choices: texts("a list of texts, or a text with one {column}, which holds a list").optional(),
    key: text.optional().describe("which choice is right: its label, its place from 0, or the choice itself"),
    labels: texts("a list of names, or a text with one {column}, which holds a list").optional(),
    stop: list("a text").describe("texts before which an answer ends"),
    counts: expression.optional().describe("the part of an answer that counts"),
    maxTokens: z
      .int("a whole number from 1 on")
      .min(1, "a whole number from 1 on")
      .optional()
      .describe("tokens that an answer has at most"),
    rows: z.strictObject({ calibrate: range, evaluate: range }, "an object with calibrate, evaluate or both").optional(),
    fewShot: z
      .strictObject(
        {
          count: z.int("a whole number from 1 on").min(1, "a whole number from 1 on"),
          source: z.string("the path of a file, from the data file's folder").optional(),
          file: expression.optional(),
          rows: range,
          introduction: z.string("a text").optional(),
          separator: z.string("a text").optional(),
        },
        "an object with count",
      )
      .optional(),
  },
  "an object",
);

/** The schema of task templates, such as for editors of their files. */
export const taskTemplateSchema: z.ZodType<TaskTemplate, TaskTemplate> = template;

/** Checks a task template, which messages call `what`. Throws SecateurError `usage` that names each key, what was found and what is wanted. */
export function parseTaskTemplate(input: unknown, what: string): TaskTemplate {
  return parseInput(template, input, what);
}

function isExpression(given: string): boolean {
  try {
    new RegExp(given);
    return true;
  } catch {
    return false;
  }
}
